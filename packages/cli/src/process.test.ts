import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { bundleProgram } from './bundle.fixture.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let programs: string
let folder: string
const children = new Set<ChildProcess>()

beforeAll(async () => {
  programs = await bundleProgram('bin.ts')
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-process-'))
  await writeFile(join(folder, 'a.txt'), 'a note to keep')
  await writeFile(join(folder, 'large.bin'), Buffer.alloc(3_000_000, 7))
  for (const name of ['a.txt', 'large.bin']) {
    const { code, err } = await end(start('put', name, '--key', name))
    if (code !== 0) throw new Error(`the stage was not set: ${err}`)
  }
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(programs, { recursive: true })
  await rm(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

function start(...args: readonly string[]): ChildProcess {
  return startWith('pipe', args)
}

function startWith(stdout: 'pipe' | number, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [join(programs, 'dist/program.js'), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', stdout, 'pipe'],
  })
  children.add(child)
  return child
}

async function end(child: ChildProcess): Promise<Ended> {
  const text = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => (text.out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (text.err += chunk.toString()))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  children.delete(child)
  return { code, signal, ...text }
}

/** Runs it, and stops reading after the first bytes, as `head` does. */
async function endUnread(...args: readonly string[]): Promise<Ended> {
  const child = start(...args)
  child.stdout?.once('data', () => child.stdout?.destroy())
  return end(child)
}

describe('the program', () => {
  it('does not end before its work because all that is under way is a pause', async () => {
    const { code, out } = await end(start('verify', '--rate', '1'))
    expect([code, out]).toEqual([0, expect.stringContaining('2 copies')])
  })

  it('takes a reader that goes away for one that has enough', async () => {
    expect(await endUnread('get', 'key:large.bin')).toMatchObject({ code: 0, err: '' })
    expect(await endUnread('ls')).toMatchObject({ code: 0, err: '' })
  })

  it.skipIf(process.platform !== 'linux')(
    'fails without a stack trace when its answer cannot be written',
    async () => {
      const full = openSync('/dev/full', constants.O_WRONLY)
      try {
        for (const args of [['ls'], ['get', 'key:a.txt'], ['--help']]) {
          const { code, err } = await end(startWith(full, args))
          expect([code, err]).toEqual([1, expect.not.stringMatching(/\n\s+at /)])
        }
      } finally {
        closeSync(full)
      }
    },
  )

  it('takes a signal that comes twice at once for one, as npm passes on what the terminal sent already', async () => {
    const child = start('serve', '--port', '0')
    const ended = end(child)
    await once(child.stdout ?? child, 'data')
    child.kill('SIGINT')
    child.kill('SIGINT')
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
  })

  it('gives addresses of uploads that can be reached when the port is a free one', async () => {
    const child = start('serve', '--port', '0')
    const ended = end(child)
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer]
    const listening = /http:\S+/.exec(line.toString())?.[0] ?? ''
    const begun = await fetch(`${listening}/uploads`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ filename: 'b.txt', contentType: 'text/plain', sizeBytes: 6, mode: 'presigned' }),
    })
    const { method, url, headers } = (await begun.json()) as { method: string; url: string; headers: Headers }
    const stored = await fetch(new URL(url, listening), { method, headers, body: 'a note' })
    expect(stored.status).toBe(201)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0 })
  })

  it('ends at once by a later signal when what it waits for does not come', async () => {
    const child = start('serve', '--port', '0')
    const ended = end(child)
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer]
    const [, port] = /:(\d+)\//.exec(line.toString()) ?? []
    // Half of a body, whose end the drain waits for.
    const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
    socket.write(
      'POST /media?filename=b.txt HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10\r\nContent-Type: text/plain\r\n\r\nhalf',
    )
    await once(socket, 'data')
    child.kill('SIGTERM')
    await delay(2_500) // what comes sooner is the same signal once more
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: null, signal: 'SIGTERM' })
    socket.destroy()
  })
})

describe.skipIf(process.platform === 'win32')('get -o', () => {
  const get = (output: string, ...more: string[]): Promise<Ended> =>
    end(start('get', 'key:a.txt', '-o', output, ...more))
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')

  it('writes to a pipe or a device, and never puts a file in its place', async () => {
    await expect(once(spawn('mkfifo', [join(folder, 'pipe')]), 'close')).resolves.toEqual([0, null])
    const reading = end(spawn('cat', [join(folder, 'pipe')]))
    expect(await get('pipe')).toMatchObject({ code: 0 })
    expect(await reading).toMatchObject({ code: 0, out: 'a note to keep' })
    expect((await stat(join(folder, 'pipe'))).isFIFO()).toBe(true)
  })

  it('writes what a link points to, and keeps the link', async () => {
    await writeFile(join(folder, 'real.txt'), 'before')
    await symlink('real.txt', join(folder, 'link.txt'))
    expect(await get('link.txt')).toMatchObject({ code: 0 })
    expect(read('real.txt')).toBe('a note to keep')
    expect(await readdir(folder)).toContain('link.txt')
  })

  it('keeps the mode of a file that was there', async () => {
    await writeFile(join(folder, 'secret.txt'), 'before')
    await chmod(join(folder, 'secret.txt'), 0o600)
    expect(await get('secret.txt')).toMatchObject({ code: 0 })
    expect([read('secret.txt'), (await stat(join(folder, 'secret.txt'))).mode & 0o777]).toEqual([
      'a note to keep',
      0o600,
    ])
  })

  it('takes names as long as names can be', async () => {
    const name = `${'n'.repeat(251)}.txt`
    expect(await get(name)).toMatchObject({ code: 0 })
    expect(read(name)).toBe('a note to keep')
  })

  it('refuses a folder, or a name in a folder that is not there, before anything is read', async () => {
    expect(await get('.')).toMatchObject({
      code: 2,
      err: expect.stringContaining('it is a folder') as string,
    })
    expect(await get('nowhere/a.txt')).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no folder') as string,
    })
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([])
  })
})
