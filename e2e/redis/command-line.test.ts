import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openMediaStore } from '../../packages/cli/src/index.ts'
import { type Answer, runIn } from '../../packages/cli/src/program.fixture.ts'
import { missingRedisReason, type RedisServer, startRedis } from '../../scripts/redis.mjs'
import { describeUnless } from '../describe-unless.ts'

const PASSWORD = 's3cret'

describeUnless(missingRedisReason(), 'the command line with a Redis', () => {
  let server: RedisServer
  let parent: string
  let url: string
  beforeAll(async () => {
    server = await startRedis({ settings: { requirepass: PASSWORD } })
    url = `redis://:${PASSWORD}@${server.host}:${server.port}`
    parent = await mkdtemp(join(tmpdir(), 'mediakeep-cli-redis-'))
  })
  afterAll(async () => {
    await server?.stop()
    await rm(parent, { recursive: true, force: true })
  })
  const folderOf = async (name: string): Promise<string> => {
    const folder = join(parent, name)
    await mkdir(folder)
    await writeFile(join(folder, 'a.txt'), 'told to all')
    return folder
  }

  it('tells a running process of what a command of REDIS_URL changed', async () => {
    const folder = await folderOf('told')
    const mediakeep = (...args: string[]): Promise<Answer> => runIn(folder, args, { env: { REDIS_URL: url } })
    expect((await mediakeep('put', 'a.txt', '--key', 'a')).code).toBe(0)
    await using store = await openMediaStore(join(folder, 'data'), {
      redisUrl: url,
      upkeep: { intervalMs: 0 },
    })
    const { names } = await store.locate({ key: 'a' })
    const changed: string[] = []
    await new Promise<void>((isListening) => {
      store.watch((told) => void changed.push(...told), { onGap: isListening })
    })
    expect(await mediakeep('rm', 'key:a')).toMatchObject({ code: 0, err: '' })
    await expect.poll(() => changed.some((name) => names.includes(name))).toBe(true)
    expect((await store.locate({ key: 'a' })).availability.state).toBe('missing')
  })

  it('doctor puts it through the kit, and health tells of it', async () => {
    const folder = await folderOf('doctor')
    const doctor = await runIn(folder, ['doctor', url])
    expect(doctor).toMatchObject({
      code: 0,
      out: expect.stringMatching(/conformance: \d{2} passed, 0 failed/),
    })
    const health = await runIn(folder, ['health'], { env: { MEDIAKEEP_REDIS_URL: url } })
    expect(health).toMatchObject({ code: 0, out: expect.stringMatching(/^ok +states /m) })
  })

  it('goes on without one that is away or refuses, says so in health and doctor, and shows no secret', async () => {
    const folder = await folderOf('away')
    // The first command in a folder says that it began its records.
    await runIn(folder, ['put', 'a.txt'])
    for (const [address, why] of [
      [`redis://:${PASSWORD}@127.0.0.1:1`, 'states-unreachable'],
      [`redis://:wrong-${PASSWORD}@${server.host}:${server.port}`, 'states-refused'],
    ] as const) {
      const mediakeep = (...args: string[]): Promise<Answer> =>
        runIn(folder, args, { env: { REDIS_URL: address } })
      expect(await mediakeep('put', 'a.txt')).toMatchObject({ code: 0, err: '' })
      expect(await mediakeep('ls')).toMatchObject({ code: 0, err: '' })
      const health = await mediakeep('health')
      expect(health).toMatchObject({ code: 3, out: expect.stringContaining(`: ${why}`) })
      const doctor = await mediakeep('doctor', address)
      expect(doctor).toMatchObject({
        code: 3,
        out: expect.stringContaining('FAILED  the Redis: redis: cannot '),
      })
      expect(health.out + health.err + doctor.out + doctor.err).not.toContain(PASSWORD)
    }
  })

  it('refuses an address that is none by its name, and passes over what is meant for others', async () => {
    const folder = await folderOf('wrong')
    const address = `http://bob:${PASSWORD}@h/`
    const wrong = await runIn(folder, ['ls'], { env: { MEDIAKEEP_REDIS_URL: address } })
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('MEDIAKEEP_REDIS_URL') })
    expect(wrong.err).not.toContain(PASSWORD)
    expect(await runIn(folder, ['ls'], { env: { REDIS_URL: address } })).toMatchObject({ code: 0 })
  })
})
