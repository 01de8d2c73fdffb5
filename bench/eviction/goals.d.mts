import type { Row } from './measure.mjs'

export declare function evictionGoals(rows: readonly Row[]): {
  readonly id: string
  readonly what: string
  readonly target: number
  readonly direction: string
  readonly measured: number | null
}[]
