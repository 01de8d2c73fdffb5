import { isMediaError } from '@mediakeep/core'

/** `ok`, or what the call failed with: its reason, where it has one. */
export const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'ok',
    (error: unknown) => (isMediaError(error) ? (error.reason ?? error.code) : String(error)),
  )
