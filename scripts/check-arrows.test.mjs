import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkArrows } from './check-arrows.mjs'

let root
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mediakeep-arrows-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const packages = {
  core: { name: '@mediakeep/core', exports: { '.': {} } },
  adapters: { name: '@mediakeep/adapters', exports: { './fs': {}, './sqlite': {} } },
  express: { name: '@mediakeep/express', exports: { '.': {} } },
  cli: { name: 'mediakeep', exports: { '.': {} } },
}

/** Writes the files, each with its package's package.json, and returns what the check prints. */
async function check(files) {
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, 'packages', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    const folder = path.split('/')[0]
    writeFileSync(join(root, 'packages', folder, 'package.json'), JSON.stringify(packages[folder]))
  }
  const lines = []
  const code = await checkArrows(root, (line) => lines.push(line))
  return { code, lines: lines.slice(0, -1) }
}

describe('checkArrows()', () => {
  const violations = [
    ['core knows another package', 'core/src/cas/a.ts', `import '@mediakeep/adapters/fs'`, 'must not know'],
    ['an engine room knows one above', 'core/src/cas/a.ts', `import { x } from '../ingest/b.ts'`, 'above'],
    [
      'a contract imports a value',
      'core/src/contracts/a.ts',
      `import { x } from '../errors/codes.ts'`,
      'types only',
    ],
    ['a contract re-exports a value', 'core/src/contracts/a.ts', `export { x } from './b.ts'`, 'types only'],
    [
      'a contract knows a type of the bytes',
      'core/src/contracts/a.ts',
      `import type { X } from '../bytes/b.ts'`,
      'above',
    ],
    ['a room has no place', 'core/src/attic/a.ts', '', 'no place'],
    [
      'an adapter imports another',
      'adapters/src/fs/a.ts',
      `import { x } from '../sqlite/b.ts'`,
      'adapter sqlite',
    ],
    [
      'shared code leans on an adapter',
      'adapters/src/shared/a.ts',
      `export * from '../fs/b.ts'`,
      'adapter fs',
    ],
    ['an adapter looks inside core', 'adapters/src/fs/a.ts', `import '@mediakeep/core/cas'`, 'public entry'],
    ['a transport builds its store', 'express/src/a.ts', `import '@mediakeep/adapters/fs'`, 'must not know'],
    ['a transport uses the kit', 'express/src/a.ts', `import '@mediakeep/testkit'`, 'must not know'],
    ['a late import', 'express/src/a.ts', `const x = await import('mediakeep')`, 'must not know'],
    ['an import type', 'express/src/a.ts', `type X = import('@mediakeep/testkit').X`, 'must not know'],
    ['a path out of the package', 'express/src/a.ts', `import '../../core/src/index.ts'`, 'leaves'],
    ['a source imports a test', 'express/src/a.ts', `import './b.test.ts'`, 'is a test'],
  ]
  for (const [name, path, text, fault] of violations) {
    it(`convicts, with file and line: ${name}`, async () => {
      const { code, lines } = await check({ [path]: text === '' ? '' : `// first line\n${text}\n` })
      expect(lines).toHaveLength(1)
      expect(lines[0]).toContain(`packages/${path}:${text === '' ? 1 : 2} `)
      expect(lines[0]).toContain(fault)
      expect(code).toBe(1)
    })
  }

  it('convicts both sides of a circle of rooms', async () => {
    const { code, lines } = await check({
      'core/src/cas/a.ts': `import '../catalog/b.ts'`,
      'core/src/catalog/b.ts': `import '../keys/c.ts'`,
      'core/src/keys/c.ts': `import '../cas/a.ts'`,
      'core/src/http/d.ts': `import '../cas/a.ts'`,
    })
    expect(lines).toHaveLength(3)
    expect(lines.every((line) => line.includes('a circle') && !line.includes('http'))).toBe(true)
    expect(code).toBe(1)
  })

  it('acquits what the design draws', async () => {
    const { code, lines } = await check({
      'core/src/contracts/a.ts': `import type { X } from '../errors/codes.ts'\nimport type { Readable } from 'node:stream'`,
      'core/src/cas/a.ts': `import { y } from '../bytes/b.ts'\nimport type { Z } from '../contracts/a.ts'`,
      'core/src/ingest/a.ts': `import { x } from '../cas/a.ts'`,
      'core/src/index.ts': `export * from './ingest/a.ts'`,
      'adapters/src/fs/a.ts': `import { x } from '@mediakeep/core'\nimport { y } from '../shared/b.ts'`,
      'express/src/a.test.ts': `import '@mediakeep/testkit'\nimport '@mediakeep/adapters/fs'`,
      'cli/src/a.ts': `import '@mediakeep/adapters/fs'\nimport '@mediakeep/express'`,
    })
    expect(lines).toEqual([])
    expect(code).toBe(0)
  })
})
