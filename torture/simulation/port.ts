import type { Random } from '@mediakeep/testkit'
import { errno } from '../fault-fs/errno.ts'
import { atOnce, type CallPort, type DiskCall } from '../fault-fs/process.ts'
import type { DiskFaults } from './faults.ts'
import type { Owner, Scheduler } from './scheduler.ts'

export interface PortOptions {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly owner: Owner
  readonly faults: DiskFaults
  /** Calls that change nothing are answered at once while this says so: most orders of those are alike. */
  hurries(): boolean
  note(line: () => string): void
  /** Something has got this name. */
  named(path: string): void
}

const CHANGES = /^(write|writev|fsync|fdatasync|rename|link|unlink|mkdir|copyFile)$/
const NAMES: ReadonlySet<string> = new Set(['rename', 'link', 'copyFile'])
const LOOKS: ReadonlySet<string> = new Set(['lstat', 'readdir', 'statfs'])

/** The calls of one process to its disk, in the order that the scheduler chooses. */
export function createPort({
  scheduler,
  random,
  owner,
  faults,
  hurries,
  note,
  named,
}: PortOptions): CallPort {
  const fail = (call: DiskCall, code: string): Error => {
    call.failed?.()
    return errno(code, call.name, call.path)
  }
  return {
    start(call, act, done) {
      if (owner.state === 'dead') return
      const trouble = faults.next(call)
      if (trouble === undefined && LOOKS.has(call.name) && hurries()) {
        atOnce.start(call, act, done)
        return
      }
      let outcome: { readonly error: Error } | { readonly value: ReturnType<typeof act> } | undefined
      const effect = (): void => {
        try {
          if (trouble === undefined) outcome = { value: act() }
          else if (trouble === 'short') outcome = { value: act(random.integer(1, 40)) }
          else outcome = { error: fail(call, trouble) }
        } catch (error) {
          outcome = { error: error instanceof Error ? error : new Error(String(error)) }
        }
        if (NAMES.has(call.name) && outcome !== undefined && 'value' in outcome) named(call.path)
        if (CHANGES.test(call.name))
          note(
            () =>
              `${owner.name}: ${call.name} ${call.path}${outcome !== undefined && 'error' in outcome ? ` failed: ${outcome.error.message}` : ''}`,
          )
      }
      const deliver = (): void => {
        if (owner.state === 'dead' || outcome === undefined) return
        if ('error' in outcome) done(outcome.error)
        else done(null, outcome.value)
      }
      const early = random.next() < 0.5
      if (early) effect()
      scheduler.add({ owner, effect: early ? undefined : effect, deliver, outlives: false })
    },
    check(call) {
      if (owner.state === 'dead') throw errno('EIO', call.name, call.path)
      const trouble = faults.next(call)
      if (trouble !== undefined && trouble !== 'short') throw fail(call, trouble)
    },
  }
}
