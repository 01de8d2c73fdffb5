// Which part may know which. Pure: files in, violations out.
import { posix } from 'node:path'

/**
 * Rooms of core, lowest first. A room may import its own level and those below, never one above, and rooms of one
 * level must not need each other in a circle. A new room gets its place here.
 */
export const coreLevels = [
  ['contracts'],
  ['errors', 'options', 'bytes', 'time', 'names', 'pages', 'defaults'],
  [
    'access',
    'cas',
    'validation',
    'inspect',
    'state',
    'catalog',
    'http',
    'keys',
    'memory',
    'decorators',
    'failover',
    'eviction',
  ],
  ['tiering'],
  ['scanning'],
  ['ingest', 'uploads', 'journal'],
  ['upkeep'],
  ['moves', 'external'],
  ['media-store'],
  ['index'],
]

/** Packages each package's sources may import by name. Transports receive a store; only the command line composes. */
export const packageArrows = {
  '@mediakeep/core': [],
  '@mediakeep/adapters': ['@mediakeep/core'],
  '@mediakeep/processing': ['@mediakeep/core'],
  '@mediakeep/express': ['@mediakeep/core'],
  '@mediakeep/envoy': ['@mediakeep/core'],
  '@mediakeep/client': ['@mediakeep/core'],
  '@mediakeep/testkit': ['@mediakeep/core'],
  mediakeep: undefined, // Any of them.
}

/** Tests, and what only they use: neither is in a package. */
const isTest = (path) => /\.(test|test-d|fixture)\.ts$/.test(path)
const isOurs = (specifier) => /^(@mediakeep\/|mediakeep(\/|$))/.test(specifier)
const packageOf = (specifier) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** First folder below src, or the file's name for files that lie in src itself. */
const roomOf = (path) => path.split('/')[0].replace(/\.ts$/, '')
const levelOf = (room) => coreLevels.findIndex((rooms) => rooms.includes(room))

function coreFault(path, target, { typeOnly }) {
  const [from, to] = [roomOf(path), roomOf(target)]
  if (from === 'contracts' && !typeOnly) return 'contracts hold types only: import type'
  if (from === to) return undefined
  if (from === 'contracts' && to === 'errors') return undefined // The closed set of codes is part of the contract.
  if (levelOf(to) > levelOf(from)) return `${from} must not know ${to}, which stands above it`
  return undefined
}

function adapterFault(path, target, entries) {
  const [from, to] = [roomOf(path), roomOf(target)]
  // A folder that is no entry is shared inside; it must not lean on an adapter either.
  if (from !== to && entries.includes(to)) return `${from} must not import the adapter ${to}`
  return undefined
}

/** The imports that are part of a circle of rooms: their target leads back to where they stand. */
function circularImports(imports) {
  const next = new Map()
  for (const { from, to } of imports) next.set(from, (next.get(from) ?? new Set()).add(to))
  const reaches = (start, goal) => {
    const seen = new Set([start])
    for (const room of seen) for (const further of next.get(room) ?? []) seen.add(further)
    return seen.has(goal)
  }
  return imports.filter(({ from, to }) => reaches(to, from))
}

/**
 * Checks the sources of one package.
 * @param {{ name: string, entries: string[] }} package_ its name, and the first path segments of its exports
 * @param {{ path: string, imports: { specifier: string, line: number, typeOnly: boolean }[] }[]} files paths below src
 * @returns {{ path: string, line: number, fault: string }[]}
 */
export function arrowViolations({ name, entries }, files) {
  const violations = []
  const betweenRooms = []
  const known = Object.hasOwn(packageArrows, name)
  if (!known)
    violations.push({ path: 'package.json', line: 1, fault: `${name} has no place in packageArrows` })
  for (const { path, imports } of files) {
    if (name === '@mediakeep/core' && !isTest(path) && levelOf(roomOf(path)) === -1) {
      violations.push({ path, line: 1, fault: `the room ${roomOf(path)} has no place in coreLevels` })
      continue
    }
    for (const found of imports) {
      const { specifier, line } = found
      const report = (fault) => fault !== undefined && violations.push({ path, line, fault })
      if (isOurs(specifier)) {
        // Tests may use the kit and whatever they compose with it.
        if (isTest(path)) continue
        const allowed = packageArrows[name]
        if (known && allowed !== undefined && !allowed.includes(specifier)) {
          report(
            allowed.includes(packageOf(specifier))
              ? `${specifier}: only the public entry may be imported`
              : `${name} must not know ${specifier}`,
          )
        }
        continue
      }
      if (!specifier.startsWith('.')) continue
      const target = posix.join(posix.dirname(path), specifier)
      if (target.startsWith('../')) {
        // Tests may start the real servers that scripts start.
        const startsServer = isTest(path) && target.startsWith('../../../scripts/')
        if (!startsServer) report(`${specifier} leaves the package's src`)
        continue
      }
      if (isTest(path)) continue
      if (isTest(target)) report(`${specifier} is a test`)
      if (name === '@mediakeep/core') {
        report(coreFault(path, target, found))
        const [from, to] = [roomOf(path), roomOf(target)]
        if (from !== to && levelOf(from) === levelOf(to)) betweenRooms.push({ path, line, from, to })
      } else if (name === '@mediakeep/adapters') {
        report(adapterFault(path, target, entries))
      }
    }
  }
  for (const { path, line, from, to } of circularImports(betweenRooms)) {
    violations.push({ path, line, fault: `${from} and ${to} need each other: a circle` })
  }
  return violations
}
