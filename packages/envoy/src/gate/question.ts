import type { Principal } from '@mediakeep/core'
import type { BodyKind } from '../answers/direct.ts'
import type { GateRequest } from '../contracts.ts'
import type { MediaResource } from '../paths/resource.ts'
import type { CleanTarget } from '../paths/target.ts'
import type { GateStore } from './gate-store.ts'

/** One check, from its start. */
export interface Question {
  readonly request: GateRequest
  readonly target: CleanTarget
  readonly resource: MediaResource
  readonly store: GateStore
  kind(): BodyKind
  /** A signature of the address lets it in. */
  readonly signed: { readonly download: boolean; readonly expiresAt: Date } | undefined
}

/** Whether another asker could be told something else under this address. */
export function isCredentialed(request: GateRequest, principal?: Principal): boolean {
  return (
    principal !== undefined ||
    request.header('authorization') !== undefined ||
    request.header('cookie') !== undefined ||
    request.target.includes('sig=')
  )
}
