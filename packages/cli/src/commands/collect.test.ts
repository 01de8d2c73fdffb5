import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runIn } from '../program.fixture.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-gc-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('mediakeep gc', () => {
  it('takes no empty or odd --grace for none: a variable that is not set must free nothing at once', async () => {
    await writeFile(join(folder, 'a.txt'), 'a')
    await runIn(folder, ['put', 'a.txt', '--key', 'a'])
    await runIn(folder, ['rm', 'key:a'])
    for (const grace of ['', ' ', '-1', 'x', 'Infinity', '0x0'])
      expect(await runIn(folder, ['gc', `--grace=${grace}`]), grace).toMatchObject({ code: 2 })
    const { code, out } = await runIn(folder, ['gc', '--grace', '0', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ freedObjects: 1 })
  })
})
