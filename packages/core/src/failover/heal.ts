import type { Call } from '../contracts/call.ts'
import type { ObjectPage } from '../contracts/object-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { pagesOf } from '../pages.ts'
import { copyVerified, digestObject } from './copy.ts'
import { isEnded } from './find.ts'
import type { KeyGate } from './key-gate.ts'
import type { Member } from './member.ts'

/**
 * What became of an object that is in another member than the best one that is up:
 * `moved`: copied, read back, then dropped; `dropped`: the better one had the same bytes already, or it was deleted;
 * `conflict`: the better one has other bytes, and nobody knows which are newer: both are left, reads give the better one's;
 * `waits`: it is being written, or was changed meanwhile: the next round sees to it; `failed`: see `error`.
 */
export interface HealedObject {
  readonly key: string
  readonly from: string
  readonly to: string
  readonly outcome: 'moved' | 'dropped' | 'conflict' | 'waits' | 'failed'
  readonly sizeBytes?: number
  readonly error?: Error
}

export interface HealContext {
  readonly members: readonly Member[]
  readonly gate: KeyGate
  /** The member that has the newest, where this process put it. */
  placeOf(key: string): Member | undefined
  forgetPlace(key: string): void
}

/**
 * Moves what landed elsewhere to the best member that is up, one object at a time, the copy verified before the original
 * goes. A crash at any step leaves one copy at least; the next round finds two equal ones and drops the worse.
 */
export async function* healAll(context: HealContext, options: Call = {}): AsyncGenerator<HealedObject> {
  const call: Call = { ...options, context: { ...options.context, cause: 'heal' } }
  const { members, gate } = context
  for (const member of members) await payOwed(member, gate, call)
  for (const from of members.slice(1)) {
    const better = (): Member | undefined => members.find((one) => one.rank < from.rank && one.isUp())
    const pages = pagesOf(
      async (start): Promise<ObjectPage> =>
        from.isUp() && better() !== undefined ? from.store.list({ ...call, ...start }) : { objects: [] },
    )
    for await (const { objects } of pages)
      for (const { key } of objects) {
        const to = better()
        if (to === undefined) return
        const healed = await gate.move(key, () => healObject(context, from, to, key, call))
        yield healed ?? { key, from: from.name, to: to.name, outcome: 'waits' }
      }
  }
}

/** Deletes what was deleted while the member was down. What still fails stays owed. */
export async function payOwed(member: Member, gate: KeyGate, call: Call = {}): Promise<void> {
  for (const key of [...member.owed]) {
    if (!member.isUp()) return
    try {
      await gate.move(key, async () => {
        if (!member.owed.has(key)) return // a put has taken its place
        await member.store.delete(key, call)
        member.owed.delete(key)
      })
    } catch (error) {
      if (isEnded(call, error)) throw error
    }
  }
}

async function healObject(
  context: HealContext,
  from: Member,
  to: Member,
  key: string,
  call: Call,
): Promise<HealedObject> {
  const told = (outcome: HealedObject['outcome'], more: Partial<HealedObject> = {}): HealedObject => ({
    key,
    from: from.name,
    to: to.name,
    outcome,
    ...more,
  })
  const drop = async (): Promise<void> => {
    await from.store.delete(key, call)
    from.owed.delete(key)
    context.forgetPlace(key)
  }
  try {
    if (from.owed.has(key)) {
      await drop()
      return told('dropped')
    }
    if (to.owed.has(key)) {
      await to.store.delete(key, call)
      to.owed.delete(key)
    }
    const there = await to.store.head(key, call)
    const isNewest = context.placeOf(key) === from
    if (there !== undefined) {
      const [original, copy] = [
        await digestObject(from.store, key, call),
        await digestObject(to.store, key, call),
      ]
      if (original === undefined || copy === undefined) return told('waits')
      const { sizeBytes, etag } = original.head
      if (original.digest === copy.digest) {
        if (!(await isUnchanged(from, key, etag, call))) return told('waits')
        await drop()
        return told('dropped', { sizeBytes })
      }
      if (!isNewest) return told('conflict', { sizeBytes })
    }
    const copied = await copyVerified(
      from.store,
      to.store,
      key,
      there === undefined ? { type: 'absent' } : { type: 'match', etag: there.etag },
      call,
    )
    if (copied === undefined) return told('waits')
    if (!(await isUnchanged(from, key, copied.head.etag, call))) return told('waits')
    await drop()
    return told('moved', { sizeBytes: copied.head.sizeBytes })
  } catch (error) {
    if (isEnded(call, error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
    if (isMediaError(error, 'MEDIA_PRECONDITION')) return told('waits')
    return told('failed', { error: error instanceof Error ? error : new Error(String(error)) })
  }
}

/** Only what was compared is dropped: what another process has put since then stays. */
async function isUnchanged(member: Member, key: string, etag: string, call: Call): Promise<boolean> {
  const head = await member.store.head(key, call)
  return head === undefined || head.etag === etag
}
