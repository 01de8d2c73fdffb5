import { GiB, KiB, MiB, TiB } from '@mediakeep/core'
import { z } from 'zod'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: KiB,
  mib: MiB,
  gib: GiB,
  tib: TiB,
}

/** Digits alone: `Number` reads blanks, `null` and an empty list as 0, and no grace is what frees everything at once. */
export const wholeNumber: z.ZodType<number> = z.union(
  [
    z.int(),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
  ],
  { error: 'give a whole number, in digits' },
)

/** `1048576`, `800GiB`, `1.5 TB`: whole bytes; `undefined` for what is no size. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]{0,3})$/i.exec(text.trim()) ?? []
  const factor = unit === undefined ? undefined : UNITS[unit.toLowerCase()]
  if (digits === undefined || factor === undefined) return undefined
  const bytes = Math.round(Number(digits) * factor)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
