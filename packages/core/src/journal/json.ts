import type { JsonObject } from '../contracts/bytes.ts'

/** Of a value that JSON gave. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const isText = (value: unknown): value is string => typeof value === 'string'
