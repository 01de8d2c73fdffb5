import { readJson, storeText } from './text.ts'

export type StatementValue =
  | string
  | number
  | boolean
  | Uint8Array
  | null
  | readonly string[]
  | readonly number[]

/** What the driver sends for a value. */
export type WireValue = string | Buffer | null

/**
 * One statement with its values. Tables are written `@name`: the catalog puts its schema before them.
 * A statement that gives rows gives one column, which is JSON, of type `Row`.
 */
export interface Statement<Row = never> {
  readonly text: string
  readonly values: readonly WireValue[]
  /** Only tells the type of a row. */
  readonly row?: Row
}

/** What a statement did. */
export interface Answer<Row> {
  readonly rows: readonly Row[]
  /** Rows that it wrote or gave. */
  readonly count: number
}

export type Answers<Statements extends readonly Statement<unknown>[]> = {
  readonly [At in keyof Statements]: Statements[At] extends Statement<infer Row> ? Answer<Row> : never
}

export function sql<Row = never>(text: string, ...values: readonly StatementValue[]): Statement<Row> {
  return { text, values: values.map(wireValue) }
}

function wireValue(value: StatementValue): WireValue {
  if (value === null) return null
  if (typeof value === 'string') return storeText(value)
  if (typeof value === 'object') {
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return `{${value.map((member) => (typeof member === 'number' ? member : quoted(member))).join()}}`
  }
  return String(value)
}

/** An element of an array literal. @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function quoted(member: string): string {
  return `"${storeText(member).replace(/["\\]/g, '\\$&')}"`
}

/** The first column of each row; every statement of ours that gives rows gives JSON there. */
export function readRow<Row>(columns: readonly (string | null)[]): Row {
  const [json] = columns
  return (json === null || json === undefined ? null : readJson(json)) as Row
}
