import {
  type Availability,
  createMediaStore,
  type MediaLocation,
  type MediaStore,
  type MediaStoreOptions,
  memoryCatalog,
  memoryStore,
} from '@mediakeep/core'
import { ownersOnly } from '@mediakeep/express'
import { fakeClock } from '@mediakeep/testkit'
import { type Mock, onTestFinished, vi } from 'vitest'
import type { DirectAnswer, ForwardAnswer, GateAnswer, GateRequest } from '../contracts.ts'
import { type CountingGate, createGate } from './gate.ts'
import type { GateStore } from './gate-store.ts'
import type { GateOptions } from './options.ts'

/** A question as a transport would make it. */
export function asked(
  target: string,
  more: Partial<Omit<GateRequest, 'header'>> & { headers?: Record<string, string> } = {},
): GateRequest {
  const { headers = {}, ...rest } = more
  return {
    method: 'GET',
    target,
    host: 'media.example',
    scheme: 'https',
    proxyAddress: '127.0.0.1',
    context: {},
    ...rest,
    header: (name) => headers[name],
  }
}

export interface GateFixture {
  readonly store: MediaStore
  readonly gate: CountingGate
  readonly clock: ReturnType<typeof fakeClock>
  check(target: string, more?: Parameters<typeof asked>[1]): Promise<GateAnswer>
}

/** A gate over a store in memory; who asks is told by `x-user`. */
export async function gateFixture(
  options: Partial<GateOptions> = {},
  storeOptions: Partial<MediaStoreOptions> = {},
): Promise<GateFixture> {
  const clock = fakeClock()
  const store = await createMediaStore({
    tiers: [{ name: 'memory', store: memoryStore({ clock }) }],
    catalog: memoryCatalog({ clock }),
    upkeep: { intervalMs: 0 },
    publicBaseUrl: 'https://media.example/media',
    clock,
    ...storeOptions,
  })
  const { authorize } = ownersOnly({ authenticate: () => undefined })
  const gate = createGate({
    store,
    authorize,
    authenticate: (request) => {
      const id = request.header('x-user')
      return id === undefined ? undefined : { id }
    },
    clock,
    ...options,
  })
  onTestFinished(async () => {
    gate.close()
    await store.close()
  })
  return { store, gate, clock, check: async (target, more) => gate.check(asked(target, more)) }
}

export const BYTES: Buffer = Buffer.from('what is in it')

/** The answer, which must let nothing through. */
export function direct(answer: GateAnswer): DirectAnswer {
  if (answer.kind !== 'answer') throw new Error('the gate let it through')
  return answer
}

/** The answer, which must let the request through. */
export function forward(answer: GateAnswer): ForwardAnswer {
  if (answer.kind !== 'forward')
    throw new Error(`the gate refused it: ${answer.status} ${answer.facts.reason}`)
  return answer
}
/** A store that says of one public media whatever it is told to. */
export async function scripted(
  availability: () => Availability,
  options: Parameters<typeof gateFixture>[0] = {},
): Promise<Awaited<ReturnType<typeof gateFixture>> & { looks: () => number; warm: Mock<GateStore['warm']> }> {
  const base = await gateFixture()
  const media = await base.store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
  const warm = vi.fn<GateStore['warm']>(async () => availability())
  let looks = 0
  const store: GateStore = {
    availability: async () => availability(),
    stat: async () => media,
    url: (...args) => base.store.url(...args),
    warm,
    async locate(ref): Promise<MediaLocation> {
      looks += 1
      if (typeof ref !== 'string' && ref.key !== 'a')
        return { media: undefined, availability: { state: 'missing' }, names: [] }
      return { media, availability: availability(), names: ['m'] }
    },
  }
  const made = await gateFixture({ store, clock: base.clock, ...options })
  return { ...made, clock: base.clock, looks: () => looks, warm }
}
