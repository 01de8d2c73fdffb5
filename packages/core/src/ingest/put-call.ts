import type { PutOptions } from '../contracts/media.ts'
import type { EventDoor } from '../contracts/observer.ts'
import type { PutProgress } from './put.ts'

/** A call that brought a body. */
export interface PutCall extends Pick<PutOptions, 'context'> {
  readonly startedMs: number
  readonly door: EventDoor
}

/** One whose body was not kept. */
export interface RefusedCall extends PutProgress, Pick<PutOptions, 'context'> {
  readonly namespace: string
  readonly owner: string | undefined
  readonly door: EventDoor
}
