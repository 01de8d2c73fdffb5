import type { Call, CallCause } from '../contracts/call.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import type { PriceTable } from '../contracts/tiering.ts'
import { heldReader } from '../decorators/held-reader.ts'
import { decorateStore, forwarded, rewritten } from '../decorators/index.ts'
import { overParts } from '../decorators/over-parts.ts'
import { present } from '../decorators/present.ts'
import { MediaError } from '../errors/media-error.ts'
import type { Budget, Hold } from './budget.ts'
import { readDollars, requestDollars, writeDollars } from './prices.ts'

/** What nobody loses data over when it is done tomorrow. */
const CAN_WAIT: ReadonlySet<CallCause> = new Set(['read', 'burst', 'promote', 'demote', 'heal', 'verify'])
const MAX_RETRY_AFTER_MS = 3_600_000

/** Which calls a spent budget keeps from a paid store. */
export interface BudgetSwitches {
  readonly stopBursts: boolean
  readonly delayReads: boolean
}

/**
 * Sets money aside before every call to a paid store. What can wait is refused with MEDIA_NOT_READY `budget-spent` once the
 * day's budget is spent; puts of the first copy, deletions and repairs are made all the same.
 */
export function withBudget(
  inner: ObjectStore,
  prices: PriceTable | undefined,
  budget: Budget,
  switches: BudgetSwitches,
): ObjectStore {
  const partBytes = Math.max(inner.traits.minPartBytes, 8_388_608)
  const canWait = (cause: CallCause): boolean => {
    if (cause === 'read') return switches.delayReads
    if (cause === 'burst') return switches.stopBursts
    return CAN_WAIT.has(cause)
  }
  const hold = async (dollars: number, cause: CallCause): Promise<Hold> => {
    const held = await budget.hold(dollars, { canWait: canWait(cause) })
    if (held !== undefined) return held
    throw new MediaError('MEDIA_NOT_READY', `${inner.name}: the budget of today is spent`, {
      reason: 'budget-spent',
      retryAfterMs: Math.min(budget.retryAfterMs(), MAX_RETRY_AFTER_MS),
    })
  }
  const during = async <T>(dollars: number, cause: CallCause, work: () => Promise<T>): Promise<T> => {
    const held = await hold(dollars, cause)
    try {
      return await work()
    } finally {
      held.release()
    }
  }
  const causeOf = (call: Call | undefined, otherwise: CallCause): CallCause =>
    call?.context?.cause ?? otherwise

  return decorateStore(inner, {
    name: forwarded,
    traits: forwarded,
    put: rewritten((key, source, options) =>
      during(writeDollars(prices, source.sizeBytes, partBytes), causeOf(options, 'write'), () =>
        inner.put(key, source, options),
      ),
    ),
    get: rewritten(async (key, options) => {
      const cause = causeOf(options, 'read')
      const request = await hold(requestDollars(prices, 'get'), cause)
      try {
        const reader = await inner.get(key, options)
        if (reader === undefined) {
          request.release()
          return undefined
        }
        const bytes = reader.range.endExclusive - reader.range.start
        const body = await hold(readDollars(prices, bytes) - requestDollars(prices, 'get'), cause).catch(
          async (error: unknown) => {
            await reader[Symbol.asyncDispose]()
            throw error
          },
        )
        return heldReader(reader, options?.signal, () => {
          request.release()
          body.release()
        })
      } catch (error) {
        request.release()
        throw error
      }
    }),
    head: rewritten((key, call) =>
      during(requestDollars(prices, 'head'), causeOf(call, 'read'), () => inner.head(key, call)),
    ),
    delete: rewritten((key, call) =>
      during(requestDollars(prices, 'delete'), causeOf(call, 'gc'), () => inner.delete(key, call)),
    ),
    deleteMany: rewritten((keys, call) =>
      during(requestDollars(prices, 'delete') * Math.ceil(keys.length / 1_000), causeOf(call, 'gc'), () =>
        inner.deleteMany(keys, call),
      ),
    ),
    list: rewritten((options) =>
      during(requestDollars(prices, 'list'), causeOf(options, 'reconcile'), () => inner.list(options)),
    ),
    createWriter: rewritten(async (key, call) => {
      const cause = causeOf(call, 'write')
      const part = requestDollars(prices, 'part')
      const holds = [await hold(2 * requestDollars(prices, 'multipart') + part, cause)]
      const release = (): void => {
        for (const held of holds) held.release()
      }
      try {
        const writer = await present(inner.createWriter).call(inner, key, call)
        let written = 0
        return {
          async write(chunk) {
            const before = Math.floor(written / partBytes)
            written += chunk.byteLength
            const more = Math.floor(written / partBytes) - before
            if (more > 0) holds.push(await hold(part * more, cause))
            await writer.write(chunk)
          },
          commit: (options) => writer.commit(options).finally(release),
          abort: () => writer.abort().finally(release),
        }
      } catch (error) {
        release()
        throw error
      }
    }),
    sweepUploads: rewritten((options) =>
      during(requestDollars(prices, 'list'), causeOf(options, 'gc'), () =>
        present(inner.sweepUploads).call(inner, options),
      ),
    ),
    close: forwarded,
    open: forwarded,
    identity: forwarded,
    presign: forwarded,
    directParts: rewritten(
      overParts(inner.directParts, (act, call, work) =>
        during(
          requestDollars(prices, act === 'list' ? 'list' : act === 'abort' ? 'abort' : 'multipart'),
          causeOf(call, act === 'abort' ? 'gc' : 'write'),
          work,
        ),
      ),
    ),
    adopt: rewritten((key, filePath, options) =>
      during(requestDollars(prices, 'put'), causeOf(options, 'write'), () =>
        present(inner.adopt).call(inner, key, filePath, options),
      ),
    ),
    localPath: forwarded,
    openFile: forwarded,
    readNow: forwarded,
    observe: forwarded,
    staging: forwarded,
    journal: forwarded,
    [Symbol.asyncDispose]: forwarded,
  })
}
