import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Media } from '@mediakeep/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Answer, runIn } from '../../packages/cli/src/program.fixture.ts'
import { missingPostgresReason, type PostgresServer, startPostgres } from '../../scripts/postgres.mjs'
import { describeUnless } from '../describe-unless.ts'
import { serve } from '../serve.ts'

describeUnless(missingPostgresReason(), 'the command line over PostgreSQL', () => {
  let server: PostgresServer
  let parent: string
  let url: string
  beforeAll(async () => {
    server = await startPostgres()
    const { host, port, user, database } = server.connection
    url = `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`
    parent = await mkdtemp(join(tmpdir(), 'mediakeep-cli-pg-'))
  })
  afterAll(async () => {
    await server?.stop()
    await rm(parent, { recursive: true, force: true })
  })
  const folderOf = async (name: string): Promise<string> => {
    const folder = join(parent, name)
    await mkdir(folder)
    return folder
  }

  it('keeps records in the database of DATABASE_URL: makes it, stores, serves, collects, verifies, moves, and checks', async () => {
    const folder = await folderOf('one')
    const env = { DATABASE_URL: url, MEDIAKEEP_HOST_ID: 'one' }
    const mediakeep = (...args: string[]): Promise<Answer> => runIn(folder, args, { env })

    const before = await mediakeep('init', '--check')
    expect(before).toMatchObject({
      code: 3,
      out: expect.stringContaining('records: it is missing') as string,
    })
    expect((await mediakeep('init')).code).toBe(0)
    expect((await mediakeep('init', '--check')).code).toBe(0)
    await expect(access(join(folder, 'data/catalog.sqlite'))).rejects.toMatchObject({ code: 'ENOENT' })

    await writeFile(join(folder, 'a.txt'), 'kept in two places')
    const put = await mediakeep('put', 'a.txt', '--key', 'a', '--json')
    expect(put).toMatchObject({ code: 0, err: '' })
    const { id } = JSON.parse(put.out) as Media
    expect((await mediakeep('get', id)).out).toBe('kept in two places')
    expect((await mediakeep('ls')).out).toContain(id)
    expect(await mediakeep('verify')).toMatchObject({ code: 0 })
    expect(await mediakeep('tier', 'plan')).toMatchObject({ code: 0 })
    expect(await mediakeep('tier', 'apply')).toMatchObject({ code: 0 })
    expect(await mediakeep('health')).toMatchObject({ code: 0 })
    const doctor = await mediakeep('doctor')
    expect(doctor).toMatchObject({
      code: 0,
      out: expect.stringContaining('the database keeps records') as string,
    })

    const served = await serve(folder, env)
    expect(await (await fetch(`${served.address}/media/k/a`)).text()).toBe('kept in two places')
    const posted = await fetch(`${served.address}/media`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'by HTTP',
    })
    expect(posted.status).toBe(201)
    expect(await served.stop()).toBe(0)

    // Another host: it knows the same records, and that their bytes are not here.
    const other = await folderOf('two')
    const there = await runIn(other, ['stat', 'key:a', '--json'], {
      env: { ...env, MEDIAKEEP_HOST_ID: 'two' },
    })
    expect(JSON.parse(there.out)).toMatchObject({ id, availability: 'cold' })

    expect((await mediakeep('rm', 'key:a')).code).toBe(0)
    expect(await mediakeep('gc', '--grace', '0')).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 objects freed') as string,
    })
  })

  it('takes the database from the settings file, too', async () => {
    const folder = await folderOf('file')
    await writeFile(
      join(folder, 'mediakeep.config.json'),
      JSON.stringify({ databaseUrl: url, hostId: 'three' }),
    )
    expect((await runIn(folder, ['init'])).code).toBe(0)
    await expect(access(join(folder, 'data/catalog.sqlite'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('brings a folder that began with SQLite over by rebuild', async () => {
    const folder = await folderOf('began')
    await writeFile(join(folder, 'a.txt'), 'older than the database')
    expect((await runIn(folder, ['put', 'a.txt', '--key', 'old'])).code).toBe(0)
    const env = { DATABASE_URL: url, MEDIAKEEP_HOST_ID: 'four' }
    expect(await runIn(folder, ['gc'], { env })).toMatchObject({
      code: 1,
      err: expect.stringContaining('bring them over with `mediakeep rebuild`') as string,
    })
    const { out } = await runIn(folder, ['rebuild'], { env })
    expect(out).toMatch(/^1 media put back, 0 were there, 0 lost/)
    expect(out).toContain('the records in SQLite are kept as catalog.sqlite.before-postgres')
    expect((await runIn(folder, ['get', 'key:old'], { env })).out).toBe('older than the database')
    expect(await runIn(folder, ['get', 'key:old'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('are in a PostgreSQL database') as string,
    })
  })

  it('tells a database that cannot be used by its code, without a stack and without what the address holds', async () => {
    const folder = await folderOf('away')
    await writeFile(join(folder, 'a.txt'), 'x')
    const away = { DATABASE_URL: 'postgres://bob:s3cret@127.0.0.1:1/x' }
    for (const args of [
      ['put', 'a.txt'],
      ['gc'],
      ['verify'],
      ['tier', 'plan'],
      ['serve', '--port', '0'],
      ['init'],
    ]) {
      const answer = await runIn(folder, args, { env: away })
      expect(answer.code, args.join(' ')).toBe(1)
      expect(answer.err, args.join(' ')).toMatch(
        /^mediakeep: postgres: .+ see that it runs \(MEDIA_UNAVAILABLE\)\n$/,
      )
    }
    const doctor = await runIn(folder, ['doctor'], { env: away })
    expect(doctor).toMatchObject({
      code: 3,
      out: expect.stringContaining('FAILED  the database: ') as string,
    })
    const json = await runIn(folder, ['ls', '--json'], { env: away })
    expect(JSON.parse(json.err)).toMatchObject({
      error: { code: 'MEDIA_UNAVAILABLE', reason: 'catalog-unreachable' },
    })
    const address = 'mysql://bob:s3cret@h/x'
    const wrong = await runIn(folder, ['ls'], { env: { MEDIAKEEP_DATABASE_URL: address } })
    expect(wrong.code).toBe(2)
    expect(wrong.err).toContain('DATABASE_URL')
    // The usual name with another kind of database is another program's.
    expect(await runIn(folder, ['ls'], { env: { DATABASE_URL: address } })).toMatchObject({ code: 0 })
    expect(doctor.out + doctor.err + json.err + wrong.err).not.toContain('s3cret')
  })
})
