import { PARTS_SIGNED_AT_ONCE } from '../defaults.ts'
import { askService, type Json, type RequestOptions } from './requests.ts'
import { UploadRefusedError } from './upload-error.ts'

/** Sends one part to the bucket. */
export type SendPart = (number: number, body: Blob, signal: AbortSignal) => Promise<void>

/**
 * Sends parts of the upload at `url`. Addresses are asked for several at once, and anew when the bucket takes one no more.
 * @param waiting numbers that are still to be sent, in order
 */
export function partSender(url: string, waiting: readonly number[], options: RequestOptions): SendPart {
  const known = new Map<number, Promise<Json>>()
  const sign = (number: number, signal: AbortSignal): Promise<Json> => {
    const found = known.get(number)
    if (found !== undefined) return found
    const numbers = [number, ...waiting.filter((one) => one > number)].slice(0, PARTS_SIGNED_AT_ONCE)
    const headers = { 'Content-Type': 'application/json' }
    const asked = askService(
      { method: 'POST', url: `${url}/parts`, headers, body: JSON.stringify({ numbers }) },
      { ...options, signal },
    )
    for (const one of numbers)
      if (!known.has(one)) {
        const address = asked.then((answer) => addressOf(answer, one))
        address.catch(() => known.delete(one))
        known.set(one, address)
      }
    return known.get(number) ?? asked
  }
  return async (number, body, signal) => {
    for (let tries = 0; ; tries += 1) {
      const address = await sign(number, signal)
      try {
        await sendToBucket(address, body, { ...options, signal })
        return
      } catch (error) {
        // Its time was over: a file may rest for longer than an address lives.
        if (!(error instanceof UploadRefusedError) || error.status !== 403 || tries > 0) throw error
        known.delete(number)
      }
    }
  }
}

/** PUT of bytes to a signed address, as the service told it. */
export async function sendToBucket(address: Json, body: Blob, options: RequestOptions): Promise<void> {
  const { headers } = address
  const entries = typeof headers === 'object' && headers !== null ? Object.entries(headers) : []
  // A page may not say the length of a body: its browser does.
  const sent = entries.filter(([name]) => name.toLowerCase() !== 'content-length')
  await askService(
    {
      method: 'PUT',
      url: String(address['url']),
      body,
      headers: Object.fromEntries(sent.map(([name, value]) => [name, String(value)])),
      isBuckets: true,
    },
    options,
  )
}

function addressOf({ parts }: Json, number: number): Json {
  const found: unknown = Array.isArray(parts)
    ? parts.find((part: unknown) => isObject(part) && part['number'] === number)
    : undefined
  if (isObject(found)) return found
  throw new TypeError(`the service gave no address of part ${number}`)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null
}
