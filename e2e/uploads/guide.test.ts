import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import type { MediaStore } from '@mediakeep/core'
import { mediaRouter, openAccess } from '@mediakeep/express'
import { openMediaStore } from 'mediakeep'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const guide = await readFile(join(import.meta.dirname, '../../docs/guide/uploads.md'), 'utf8')
const example = (language: string, name: string): string =>
  new RegExp(`\`\`\`${language} ${name}\\n([^]*?)\`\`\``).exec(guide)?.[1] ?? ''
const photo = 'a note of the harbour\n'
const film = 'sixteen letters\n'.repeat(40_000)

let folder: string
let store: MediaStore
let server: Server
let address: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-guide-'))
  store = await openMediaStore(join(folder, 'media'))
  server = createServer(mediaRouter(store, { access: openAccess(), basePath: '/media' }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  await writeFile(join(folder, 'photo.txt'), photo)
  await writeFile(join(folder, 'film.txt'), film)
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

async function textOf(id: string): Promise<string> {
  return Buffer.from(await (await store.open(id)).bytes({ maxBytes: 10_000_000 })).toString()
}

describe('the guide of uploads', () => {
  it.each([
    ['presigned', photo],
    ['chunked', film],
  ])('has a script that uploads: %s', async (name, text) => {
    const script = example('sh', name).replaceAll('localhost:3000', address)
    expect(script).not.toBe('')
    const { stdout } = await promisify(execFile)('bash', ['-euc', script], { cwd: folder })
    // The last answer is the media.
    const media = JSON.parse(stdout.slice(stdout.lastIndexOf('{"id":'))) as { id: string }
    expect(await textOf(media.id)).toBe(text)
  })

  it('has a function for pages that uploads', async () => {
    const send = runInNewContext(`(${example('js', 'presigned')})`, {
      fetch: (path: string, init: RequestInit) => fetch(`http://${address}${path}`, init),
    }) as (file: File) => Promise<{ id: string }>
    const { id } = await send(new File([photo], 'photo.txt', { type: 'text/plain' }))
    expect(await textOf(id)).toBe(photo)
  })
})
