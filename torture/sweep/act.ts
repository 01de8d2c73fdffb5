import type { Stage } from './stage.ts'

/** Something that a host does, and what can be seen of it before and after. */
export interface Act {
  readonly name: string
  prepare?(stage: Stage): Promise<unknown>
  act(stage: Stage): Promise<unknown>
  /** What is seen afterwards when it worked, and when it did not. */
  look(stage: Stage): Promise<string>
  readonly done: string
  readonly undone: string
}
