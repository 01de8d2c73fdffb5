import { appendFileSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'

/**
 * Loaded into every thread before its program: counts SQL statements from the moment the act is armed, and kills the
 * process right before one of them. With the number 0 it only notes each.
 */
interface Statement {
  run(...values: unknown[]): unknown
  get(...values: unknown[]): unknown
  all(...values: unknown[]): unknown
}
interface Connection {
  prepare(sql: string): Statement
  exec(sql: string): unknown
}

const { MEDIAKEEP_KILL_STATEMENT: number, MEDIAKEEP_KILL_ARMED: armedFile = '' } = process.env

if (number !== undefined) {
  const require = createRequire(import.meta.url)
  const { prototype } = require('better-sqlite3') as { readonly prototype: Connection }
  const { prepare, exec } = prototype
  let isArmed = false
  let count = 0
  const before = (): void => {
    isArmed ||= existsSync(armedFile)
    if (!isArmed) return
    count += 1
    if (number === '0') appendFileSync(`${armedFile}.statements`, '.')
    else if (count === Number(number)) process.kill(process.pid, 'SIGKILL')
  }
  prototype.exec = function counted(sql) {
    before()
    return exec.call(this, sql)
  }
  prototype.prepare = function counted(sql) {
    const statement = prepare.call(this, sql)
    for (const act of ['run', 'get', 'all'] as const) {
      const original = statement[act]
      statement[act] = (...values) => {
        before()
        return original.apply(statement, values)
      }
    }
    return statement
  }
}
