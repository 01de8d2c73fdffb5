import type { DirectAnswer, ForwardAnswer, GateAnswer, GateFacts } from '../contracts.ts'
import { UNWRITABLE } from './fixed-answers.ts'
import { type CheckedHeader, checkedHeaders, checkedName, checkedPath } from './header-rules.ts'
import { type WireWriter, writeMessage } from './wire-writer.ts'

/*
 * The answer to Envoy: envoy.service.auth.v3.CheckResponse.
 *
 * Envoy lets a request through on an empty message, and on status code 0 whatever else the message says. So a code and
 * one of the two answers are always written, the code is 0 for a `forward` alone, and whatever cannot be written as
 * meant becomes a refusal. All of this is behind the one function that is exported.
 */

/** google.rpc.Code. Which one of a refusal tells Envoy nothing; that it is not 0 does. */
const OK = 0
const PERMISSION_DENIED = 7

/** HeaderAppendAction. The default of Envoy would join our value to what the client sent. */
const OVERWRITE_OR_ADD = 2
const OVERWRITE_IF_EXISTS = 3

const FAILED_STATUS = 500

function writeHeaders(
  writer: WireWriter,
  field: number,
  headers: readonly CheckedHeader[],
  action: number,
): void {
  for (const { name, value } of headers.toReversed()) {
    writer.message(field, () => {
      writer.uint(3, action)
      writer.message(1, () => {
        writer.text(2, value)
        writer.text(1, name)
      })
    })
  }
}

function writeStatus(writer: WireWriter, code: number): void {
  writer.message(1, () => writer.uint(1, code))
}

/** A google.protobuf.Struct for the access log and for filters after this one. */
function writeFacts(writer: WireWriter, { state, reason, tier, mediaId, ttlMs }: GateFacts): void {
  const texts = { state, reason, tier, media_id: mediaId }
  writer.message(4, () => {
    writeEntry(writer, 'ttl_ms', () => writer.double(2, Number.isFinite(ttlMs) ? Math.max(0, ttlMs) : 0))
    for (const [name, text] of Object.entries(texts)) {
      if (text !== undefined) writeEntry(writer, name, () => writer.text(3, text))
    }
  })
}

function writeEntry(writer: WireWriter, name: string, writeValue: () => void): void {
  writer.message(1, () => {
    writer.message(2, writeValue)
    writer.text(1, name)
  })
}

function encodeForward(answer: ForwardAnswer): Buffer {
  const path = answer.path === undefined ? [] : [{ name: ':path', value: checkedPath(answer.path) }]
  const request = checkedHeaders(answer.requestHeaders)
  const removed = answer.removeRequestHeaders.map(checkedName)
  const response = checkedHeaders(answer.responseHeaders)
  const replaced = checkedHeaders(answer.replaceResponseHeaders)
  return writeMessage((writer) => {
    writeFacts(writer, answer.facts)
    writer.message(3, () => {
      writeHeaders(writer, 6, replaced, OVERWRITE_IF_EXISTS)
      writeHeaders(writer, 6, response, OVERWRITE_OR_ADD)
      for (const name of removed.toReversed()) writer.text(5, name)
      writeHeaders(writer, 2, [...path, ...request], OVERWRITE_OR_ADD)
    })
    writeStatus(writer, OK)
  })
}

function encodeDirect({ status, headers, body, facts }: DirectAnswer): Buffer {
  const checked = checkedHeaders(headers)
  const isStatus = Number.isInteger(status) && status >= 200 && status <= 599
  return writeMessage((writer) => {
    writeFacts(writer, facts)
    writer.message(2, () => {
      writer.text(3, body)
      writeHeaders(writer, 2, checked, OVERWRITE_OR_ADD)
      writer.message(1, () => writer.uint(1, isStatus ? status : FAILED_STATUS))
    })
    writeStatus(writer, PERMISSION_DENIED)
  })
}

function encode(answer: GateAnswer): Buffer {
  switch (answer.kind) {
    case 'forward':
      return encodeForward(answer)
    case 'answer':
      return encodeDirect(answer)
    default:
      // The compiler knows none; a host in JavaScript may have one.
      return REFUSAL
  }
}

const REFUSAL = encodeDirect(UNWRITABLE)

const encoded = new WeakMap<GateAnswer, Buffer>()

/**
 * The CheckResponse that says what the answer says. The same object is encoded once: it must not change afterwards.
 * Never throws and never lets through what is not a whole `forward`: with a name, value or path that must not be
 * written, or a missing part, it is a refusal with status 500.
 */
export function encodeAnswer(answer: GateAnswer): Buffer {
  try {
    const known = encoded.get(answer)
    if (known !== undefined) return known
    const bytes = encode(answer)
    encoded.set(answer, bytes)
    return bytes
  } catch {
    return REFUSAL
  }
}
