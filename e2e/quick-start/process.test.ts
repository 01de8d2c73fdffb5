import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  blobsOnDisk,
  type ExampleServer,
  listening,
  spawnExample,
  startExample,
  temporaryData,
} from './example-server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the quick-start program', () => {
  let data: Awaited<ReturnType<typeof temporaryData>>
  let server: ExampleServer | undefined

  beforeEach(async () => {
    data = await temporaryData()
  })
  afterEach(async () => {
    await server?.stop('SIGKILL')
    server = undefined
    await data.remove()
  })

  async function ended(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
    const { child, output } = spawnExample({ MEDIAKEEP_DATA: data.path, ...env })
    const [code] = (await once(child, 'exit')) as [number | null]
    return { code, output: output() }
  }

  /** An upload whose second half is sent by `finish`: under way for as long as the test wants. */
  function slowUpload(
    url: string,
    half: string,
  ): { finish: () => void; answer: Promise<{ status: number; body: string }> } {
    const outgoing = request(`${url}/media?filename=slow.txt`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain', 'Content-Length': half.length * 2 },
    })
    const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
      outgoing.once('error', reject)
      outgoing.once('response', (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk
        })
        response.once('error', reject).once('end', () => resolve({ status: response.statusCode ?? 0, body }))
      })
    })
    outgoing.write(half)
    return { finish: () => void outgoing.end(half), answer }
  }

  it('prints its address and three things to try', async () => {
    server = await startExample({ data: data.path })
    await expect.poll(() => server?.output()).toContain('/media/k/videos/video.mp4')
    expect(server.output()).toContain(`Mediakeep listens on ${server.url}`)
    expect(server.output()).toContain(`curl  -F file=@photo.jpg ${server.url}/media`)
    expect((await fetch(server.url)).headers.get('content-security-policy')).toContain("script-src 'self'")
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'drains uploads after %s, keeps them, and exits 0',
    async (signal) => {
      server = await startExample({ data: data.path })
      const half = 'half of a body\n'.repeat(100_000)
      const uploads = [slowUpload(server.url, half), slowUpload(server.url, half.toUpperCase())]
      // Both are under way once the server has staged something of them.
      const { url } = server
      await expect.poll(async () => (await stagedFiles(data.path)) >= 2).toBe(true)
      const exit = server.stop(signal)
      await expect
        .poll(() =>
          fetch(url).then(
            () => 'answers',
            () => 'refuses',
          ),
        )
        .toBe('refuses')
      for (const { finish } of uploads) finish()
      for (const { answer } of uploads) expect((await answer).status).toBe(201)
      expect(await exit).toBe(0)
      server = await startExample({ data: data.path })
      const { items } = (await (await fetch(`${server.url}/media`)).json()) as {
        items: { id: string; sizeBytes: number }[]
      }
      expect(items.map(({ sizeBytes }) => sizeBytes)).toEqual([half.length * 2, half.length * 2])
      expect(await server.stop()).toBe(0)
    },
  )

  it.each([
    ['Ctrl-C, which npm passes on to who has had it', ['SIGINT', 'SIGINT', 'SIGTERM'], 0, 201],
    ['a signal after it, which ends it at once', ['SIGINT', 'wait', 'SIGINT'], 1, undefined],
  ] as const)('takes %s', async (_what, signals, code, status) => {
    server = await startExample({ data: data.path })
    const half = 'half of a body\n'.repeat(100_000)
    const { finish, answer } = slowUpload(server.url, half)
    const answered = answer.then(
      (got) => got.status,
      () => undefined,
    )
    await expect.poll(async () => (await stagedFiles(data.path)) >= 1).toBe(true)
    const exit = once(server.child, 'exit')
    for (const signal of signals) {
      if (signal === 'wait')
        await delay(2_500) // what comes sooner is the same signal once more
      else server.child.kill(signal)
    }
    if (status !== undefined) finish()
    expect(await answered).toBe(status)
    expect(await exit).toEqual([code, null])
  })

  it('keeps what it acknowledged over kill -9', async () => {
    server = await startExample({ data: data.path })
    const form = new FormData()
    form.append('file', new Blob(['kept whatever happens']), 'kept.txt')
    const { id } = (await (await fetch(`${server.url}/media`, { method: 'POST', body: form })).json()) as {
      id: string
    }
    await server.stop('SIGKILL')
    server = await startExample({ data: data.path })
    expect(await (await fetch(`${server.url}/media/${id}/content`)).text()).toBe('kept whatever happens')
    expect(await blobsOnDisk(data.path)).toEqual({ files: 1, bytes: 21 })
  })

  it.each(['0.0.0.0', '192.168.1.10', '::', 'example.org'])(
    'refuses HOST=%s, for access is open',
    async (HOST) => {
      const { code, output } = await ended({ HOST, PORT: '0' })
      expect(code).toBe(2)
      expect(output).toContain(`HOST=${HOST} would let everybody on the network`)
    },
  )

  it.each(['http', '-1', '70000', '1.5'])('refuses PORT=%s', async (PORT) => {
    const { code, output } = await ended({ PORT })
    expect(code).toBe(2)
    expect(output).toContain(`PORT=${PORT} is not a port`)
  })

  it('says what to do when the port is taken', async () => {
    server = await startExample({ data: data.path })
    const { port } = new URL(server.url)
    const { code, output } = await ended({ PORT: port })
    expect(code).toBe(2)
    expect(output).toContain(`Port ${port} is in use`)
  })

  it('turns other sites away: by the name they came under, and by what the browser says of them', async () => {
    server = await startExample({ data: data.path })
    const { url } = server
    const status = (headers: Record<string, string>, method = 'GET'): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const outgoing = request(`${url}/media`, { method, headers }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        outgoing.once('error', reject).end()
      })
    expect(await status({ Host: 'rebound.example:3000' })).toBe(403)
    expect(await status({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }, 'POST')).toBe(403)
    expect(await status({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' }, 'POST')).toBe(403)
    expect(await status({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' })).toBe(200)
    expect(await status({ Host: '[::1]:3000' })).toBe(200)
    expect(await status({ Host: 'localhost' })).toBe(200)
  })

  it('refuses who asks before sending, without asking for a byte', async () => {
    server = await startExample({ data: data.path })
    const outgoing = request(`${server.url}/media?filename=large.txt`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain', 'Content-Length': 2 ** 45, Expect: '100-continue' },
    })
    const heard = vi.fn<() => void>()
    outgoing.once('continue', heard).flushHeaders()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(413)
    expect(heard).not.toHaveBeenCalled()
    outgoing.destroy()
  })

  it('needs nothing from any other site', async () => {
    for (const file of ['index.html', 'app.css', 'js/main.js', 'js/api.js']) {
      const text = await readFile(
        new URL(`../../examples/quick-start/public/${file}`, import.meta.url),
        'utf8',
      )
      expect(text.replaceAll('http://www.w3.org/', ''), file).not.toMatch(/https?:\/\//)
    }
  })

  it.each([
    ['SIGTERM to npm alone', (group: number): boolean => process.kill(group, 'SIGTERM')],
    ['Ctrl-C to its whole group', (group: number): boolean => process.kill(-group, 'SIGINT')],
  ] as const)(
    'npm start lets an upload under way end, and leaves no process behind: %s',
    { skip: process.platform === 'win32' },
    async (_name, stop) => {
      const child = spawn('npm', ['start'], {
        cwd: root,
        detached: true,
        env: { ...process.env, PORT: '0', MEDIAKEEP_DATA: data.path },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const group = child.pid ?? 0
      let text = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
      }
      try {
        const url = await listening(child, () => text)
        const { finish, answer } = slowUpload(url, 'half of a body\n'.repeat(100_000))
        await expect.poll(async () => (await stagedFiles(data.path)) >= 1).toBe(true)
        stop(group)
        // Longer than npm takes to pass the signal on, and than a server takes to see that npm has gone.
        await delay(1_500)
        finish()
        expect((await answer).status).toBe(201)
        await expect.poll(() => isGroupAlive(group), { timeout: 20_000 }).toBe(false)
        await expect(fetch(url)).rejects.toThrow('fetch failed')
      } finally {
        if (isGroupAlive(group)) process.kill(-group, 'SIGKILL')
      }
    },
  )
})

/** Whether any process of this group is left. */
function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0)
    return true
  } catch {
    return false
  }
}

async function stagedFiles(data: string): Promise<number> {
  return (await readdir(`${data}/volume/staging`).catch(() => [])).length
}
