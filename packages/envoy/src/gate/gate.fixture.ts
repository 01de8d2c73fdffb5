import {
  createMediaStore,
  type MediaStore,
  type MediaStoreOptions,
  memoryCatalog,
  memoryStore,
} from '@mediakeep/core'
import { ownersOnly } from '@mediakeep/express'
import { fakeClock } from '@mediakeep/testkit'
import { onTestFinished } from 'vitest'
import type { GateAnswer, GateRequest } from '../contracts.ts'
import { type CountingGate, createGate } from './gate.ts'
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
