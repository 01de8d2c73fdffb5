import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesSource, type Durability, digestOf } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fsStore } from './index.ts'
import { makeRoot } from './testing/volumes.ts'
import { watchFs } from './testing/watched-fs.ts'

const hex = 'ab'.repeat(32)
const key = `ab/${hex}.01`
const body = bytesSource(Buffer.from('bytes'))
let folder: ReturnType<typeof makeRoot>

beforeEach(() => {
  folder = makeRoot()
})
afterEach(() => folder.remove())

/** What a put does after the store is open, each step as the call and what it is for. */
async function stepsOf(
  durability: Durability,
  act: (store: ReturnType<typeof fsStore>) => Promise<unknown>,
): Promise<readonly string[]> {
  const watched = watchFs()
  const store = fsStore({ root: folder.root, durability, fs: watched.fs })
  await store.open()
  watched.trace.length = 0
  await act(store)
  const steps = watched.trace.map((line) => nameStep(line)).filter((step) => step !== undefined)
  await store.close()
  return steps
}

function nameStep(line: string): string | undefined {
  const [name = '', path = ''] = line.split(/ (.*)/s)
  if (!/^(write|writev|fsync|fdatasync|rename|link|unlink|copyFile)$/.test(name)) return undefined
  const relative = path.slice(folder.root.length + 1)
  const kind = /\/~|^staging/.test(relative)
    ? 'temp'
    : relative.includes('~')
      ? 'sidecar'
      : /^objects\/..$/.test(relative)
        ? 'directory'
        : path.startsWith(folder.root)
          ? 'object'
          : 'original'
  return `${name} ${kind}`
}

describe('put() of bytes', () => {
  test('durable: writes, syncs the file, renames, syncs the directory, then acknowledges', async () => {
    expect(await stepsOf('durable', (store) => store.put(key, body))).toEqual([
      'write temp',
      'fdatasync temp',
      'rename object',
      'fsync directory',
    ])
  })

  test('file: writes, syncs the file, renames', async () => {
    expect(await stepsOf('file', (store) => store.put(key, body))).toEqual([
      'write temp',
      'fdatasync temp',
      'rename object',
    ])
  })

  test('none: writes and renames without a sync', async () => {
    expect(await stepsOf('none', (store) => store.put(key, body))).toEqual(['write temp', 'rename object'])
  })

  test('durable, absent: links instead of renaming, in the same order', async () => {
    expect(await stepsOf('durable', (store) => store.put(key, body, { when: { type: 'absent' } }))).toEqual([
      'write temp',
      'fdatasync temp',
      'link object',
      'unlink temp',
      'fsync directory',
    ])
  })

  test('durable, with metadata: the sidecar and its name are on disk before the object is visible', async () => {
    expect(
      await stepsOf('durable', (store) => store.put('photo', body, { contentType: 'image/png' })),
    ).toEqual([
      'write temp',
      'write sidecar',
      'fdatasync sidecar',
      'fsync directory',
      'fsync temp',
      'rename object',
      'fsync directory',
    ])
  })

  test('durable, replacing: the old sidecar goes only when the new name is on disk', async () => {
    const steps = await stepsOf('durable', async (store) => {
      await store.put('photo', body, { contentType: 'image/png' })
      await store.put('photo', body, { contentType: 'image/gif' })
    })
    expect(steps.slice(-3)).toEqual(['rename object', 'fsync directory', 'unlink sidecar'])
    expect(steps.filter((step) => step.startsWith('unlink'))).toHaveLength(1)
  })
})

test('put() of a stream has the same order', async () => {
  const stream = { sizeBytes: 5, open: () => body.open() }
  expect(await stepsOf('durable', (store) => store.put(key, stream))).toEqual([
    'write temp',
    'fdatasync temp',
    'rename object',
    'fsync directory',
  ])
})

test('adopt() syncs the file before its rename and the directory after it', async () => {
  const path = join(folder.parent, 'original')
  writeFileSync(path, 'bytes')
  expect(await stepsOf('durable', (store) => store.adopt(key, path))).toEqual([
    'fdatasync original',
    'rename object',
    'fsync directory',
  ])
})

test('a staged body is adopted without its bytes being written again', async () => {
  const steps = await stepsOf('durable', async (store) => {
    const writer = await store.staging.create({ name: 's', sizeBytes: 5 })
    await writer.write(Buffer.from('bytes'))
    const staged = await writer.finish(digestOf(Buffer.from('bytes')))
    await store.adopt(key, staged.path ?? '')
  })
  expect(steps).toEqual(['write temp', 'fdatasync temp', 'rename object', 'fsync directory'])
})

test('delete() is acknowledged when the directory is synced', async () => {
  const steps = await stepsOf('durable', async (store) => {
    await store.put(key, body)
    await store.delete(key)
  })
  expect(steps.slice(-2)).toEqual(['unlink object', 'fsync directory'])
})

test('delete() of what is gone already syncs the directory too: whoever removed it may have died before its sync', async () => {
  expect(await stepsOf('durable', (store) => store.delete(key))).toEqual(['fsync directory'])
})

test('opening syncs the names of its folders, also of a volume that is there: whoever made it may have died before its sync', async () => {
  await fsStore({ root: folder.root }).open()
  const watched = watchFs()
  const store = fsStore({ root: folder.root, fs: watched.fs })
  await store.open()
  await store.close()
  for (const path of [join(folder.root, 'objects'), folder.root, folder.parent])
    expect(watched.trace).toContain(`fsync ${path}`)
})

test('a put never joins a sync of the directory that began before its rename', async () => {
  const events: string[] = []
  const held: (() => void)[] = []
  let holding = false
  const watched = watchFs()
  const store = fsStore({
    root: folder.root,
    fs: new Proxy(watched.fs, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property)
        if (typeof member !== 'function') return member
        return (...args: unknown[]): unknown => {
          if (holding && property === 'fsync') {
            events.push('sync began')
            held.push(() => Reflect.apply(member, target, args))
            return undefined
          }
          if (holding && property === 'rename') events.push('renamed')
          return Reflect.apply(member, target, args) as unknown
        }
      },
    }),
  })
  await store.open()
  holding = true
  const first = store.put(key, body)
  await waitFor(() => held.length === 1)
  let isSecondDone = false
  const second = store.put(`ab/${hex}.02`, body).then(() => {
    isSecondDone = true
  })
  const third = store.put(`ab/${hex}.03`, body)
  await waitFor(() => events.filter((event) => event === 'renamed').length === 3)
  held.shift()?.()
  await first
  await waitFor(() => held.length === 1)
  expect(isSecondDone).toBe(false)
  held.shift()?.()
  await Promise.all([second, third])
  // One sync for the first, one for the two that renamed while it ran.
  expect(events.filter((event) => event === 'sync began')).toHaveLength(2)
  holding = false
  await store.close()
})

async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

test.each([
  ['of a local disk is closed without a way over a thread once it is synced', false, 1],
  ['that may lie on a network is never closed on the thread of the event loop', true, 0],
])('a file %s', async (_, allowNetwork, closedAtOnce) => {
  const watched = watchFs()
  const store = fsStore({ root: folder.root, allowNetwork, fs: watched.fs })
  await store.open()
  watched.trace.length = 0
  await store.put(key, body)
  await store.close()
  expect(watched.trace.filter((line) => /^closeSync .*\/~/.test(line))).toHaveLength(closedAtOnce)
  expect(watched.openCount).toBe(0)
})

test.each(['Durable', 'full', '', null, 2])(
  'a level that there is not (%j) is refused, not taken for a weak one',
  (level) => {
    expect(() => fsStore({ root: folder.root, durability: level as Durability })).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-setting' }),
    )
  },
)
