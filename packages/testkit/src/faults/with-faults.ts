import {
  type DirectParts,
  decorateStore,
  forwarded,
  type Journal,
  type ObjectFile,
  type ObjectReader,
  type ObjectStore,
  type Partials,
  rewritten,
  type Staging,
  withheld,
} from '@mediakeep/core'
import {
  createFaultScript,
  type FaultEffect,
  type FaultPlan,
  type FaultScript,
  injectedError,
  underFault,
} from './plan.ts'
import { faultySource, faultyStream } from './streams.ts'

export interface FaultyStore {
  readonly store: ObjectStore
  /** Calls of a member so far: `put`, `get`, ..., and `staging.create`. */
  calls(member: string): number
  /** Faults that happened, in order. */
  readonly injected: FaultScript['injected']
}

/**
 * The store, going wrong by plan. Every member is passed on; with an empty plan nothing changes.
 * `close` goes wrong too, when the plan says so: the inner store is then closed by whoever made it.
 */
export function withFaults(inner: ObjectStore, plan: FaultPlan = []): FaultyStore {
  const script = createFaultScript(plan)
  const store = decorateStore(inner, {
    name: forwarded,
    traits: forwarded,
    put: rewritten((key, source, options) =>
      underFault(script, 'put', (effect) => inner.put(key, faultySource(source, effect), options)),
    ),
    get: rewritten((key, options) =>
      underFault(
        script,
        'get',
        async (effect) => faultyReader(await inner.get(key, options), effect),
        async (reader) => reader?.[Symbol.asyncDispose](),
      ),
    ),
    head: rewritten((key, call) => underFault(script, 'head', () => inner.head(key, call))),
    delete: rewritten((key, call) => underFault(script, 'delete', () => inner.delete(key, call))),
    deleteMany: rewritten((keys, call) =>
      underFault(script, 'deleteMany', () => inner.deleteMany(keys, call)),
    ),
    list: rewritten((options) => underFault(script, 'list', () => inner.list(options))),
    close: rewritten(() => underFault(script, 'close', () => inner.close())),
    open: rewritten(() => underFault(script, 'open', async () => inner.open?.())),
    identity: rewritten(() => underFault(script, 'identity', () => present(inner.identity).call(inner))),
    presign: rewritten((key, options) =>
      underFault(script, 'presign', () => present(inner.presign).call(inner, key, options)),
    ),
    directParts: rewritten(
      inner.directParts === undefined ? undefined : faultyParts(inner.directParts, script),
    ),
    createWriter: rewritten((key, call) =>
      underFault(
        script,
        'createWriter',
        async () => {
          const writer = await present(inner.createWriter).call(inner, key, call)
          return {
            write: (chunk) => underFault(script, 'writer.write', () => writer.write(chunk)),
            commit: (options) => underFault(script, 'writer.commit', () => writer.commit(options)),
            abort: () => underFault(script, 'writer.abort', () => writer.abort()),
          }
        },
        (writer) => writer.abort(),
      ),
    ),
    sweepUploads: rewritten((options) =>
      underFault(script, 'sweepUploads', () => present(inner.sweepUploads).call(inner, options)),
    ),
    adopt: rewritten((key, filePath, options) =>
      underFault(script, 'adopt', () => present(inner.adopt).call(inner, key, filePath, options)),
    ),
    localPath: rewritten((key) => {
      const effect = script.due('localPath')
      if (effect?.type === 'fail') throw effect.error ?? injectedError('localPath')
      return present(inner.localPath).call(inner, key)
    }),
    openFile: rewritten((key, call) =>
      underFault(
        script,
        'openFile',
        async (effect) => faultyFile(await present(inner.openFile).call(inner, key, call), effect, script),
        async (file) => file?.close(),
      ),
    ),
    readNow: withheld('every read goes through a file, where the plan can reach it'),
    staging: rewritten(inner.staging === undefined ? undefined : faultyStaging(inner.staging, script)),
    observe: forwarded,
    journal: rewritten(inner.journal === undefined ? undefined : faultyJournal(inner.journal, script)),
    [Symbol.asyncDispose]: rewritten(() => underFault(script, 'close', () => inner.close())),
  })
  return { store, calls: script.calls, injected: script.injected }
}

function faultyParts(inner: DirectParts, script: FaultScript): DirectParts {
  return {
    maxParts: inner.maxParts,
    maxPartBytes: inner.maxPartBytes,
    begin: (key, options) => underFault(script, 'directParts.begin', () => inner.begin(key, options)),
    sign: (upload, part) => underFault(script, 'directParts.sign', () => inner.sign(upload, part)),
    list: (upload, options) => underFault(script, 'directParts.list', () => inner.list(upload, options)),
    complete: (upload, parts, options) =>
      underFault(script, 'directParts.complete', () => inner.complete(upload, parts, options)),
    abort: (key, options) => underFault(script, 'directParts.abort', () => inner.abort(key, options)),
  }
}

function faultyReader(
  reader: ObjectReader | undefined,
  effect: FaultEffect | undefined,
): ObjectReader | undefined {
  if (reader === undefined) return undefined
  return {
    head: reader.head,
    range: reader.range,
    stream: () => faultyStream(reader.stream(), effect),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  }
}

function faultyFile(
  file: ObjectFile | undefined,
  opened: FaultEffect | undefined,
  script: FaultScript,
): ObjectFile | undefined {
  if (file === undefined) return undefined
  return {
    sizeBytes: file.sizeBytes,
    read: (buffer, position) =>
      underFault(script, 'file.read', async (effect) => {
        const read = await file.read(buffer, position)
        for (const due of [opened, effect]) {
          if (due?.type !== 'flip') continue
          const index = due.atByte - position
          if (index >= 0 && index < read) buffer[index] = (buffer[index] ?? 0) ^ (1 << ((due.bit ?? 0) & 7))
        }
        return opened?.type === 'cut' ? Math.max(0, Math.min(read, opened.atByte - position)) : read
      }),
    stamp: () => file.stamp(),
    close: () => underFault(script, 'file.close', () => file.close()),
  }
}

function faultyStaging(inner: Staging, script: FaultScript): Staging {
  return {
    get usedBytes() {
      return inner.usedBytes
    },
    budgetBytes: inner.budgetBytes,
    create: (options) =>
      underFault(
        script,
        'staging.create',
        async () => {
          const writer = await inner.create(options)
          return {
            write: (chunk) => underFault(script, 'staging.write', () => writer.write(chunk)),
            finish: (digest) =>
              underFault(
                script,
                'staging.finish',
                () => writer.finish(digest),
                (body) => body.discard(),
              ),
            abort: () => underFault(script, 'staging.abort', () => writer.abort()),
          }
        },
        (writer) => writer.abort(),
      ),
    sweep: (keep) => underFault(script, 'staging.sweep', () => inner.sweep(keep)),
    ...(inner.partials === undefined ? {} : { partials: faultyPartials(inner.partials, script) }),
  }
}

function faultyPartials(inner: Partials, script: FaultScript): Partials {
  return {
    open: (part) =>
      underFault(
        script,
        'partials.open',
        async () => {
          const writer = await inner.open(part)
          return {
            write: (chunk, position) =>
              underFault(script, 'partials.write', () => writer.write(chunk, position)),
            sync: () => underFault(script, 'partials.sync', () => writer.sync()),
            close: () => underFault(script, 'partials.close', () => writer.close()),
          }
        },
        (writer) => writer.close(),
      ),
    find: (part) => underFault(script, 'partials.find', () => inner.find(part)),
    delete: (part) => underFault(script, 'partials.delete', () => inner.delete(part)),
  }
}

function faultyJournal(inner: Journal, script: FaultScript): Journal {
  return {
    append: (line) => underFault(script, 'journal.append', () => inner.append(line)),
    async *read(options) {
      yield* await underFault(script, 'journal.read', async () => inner.read(options))
    },
    size: () => underFault(script, 'journal.size', () => inner.size()),
    isBehind: () => underFault(script, 'journal.isBehind', () => inner.isBehind()),
    compact: (snapshot) => underFault(script, 'journal.compact', () => inner.compact(snapshot)),
  }
}

/** A rewritten optional member is only shown where the inner store has it. */
function present<Member>(member: Member | undefined): Member {
  if (member === undefined) throw new Error('the inner store lacks the member')
  return member
}
