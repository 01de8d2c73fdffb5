/**
 * Types without magic bytes, told by rules of our own. file-type answers "undefined" for them,
 * and undefined is never safe: HTML, scripts and playlists look just as unknown as a harmless note.
 */
export type TextKind = 'svg' | 'html' | 'xml' | 'playlist' | 'script' | 'plain'

const HTML_START =
  /^(?:<!--|<!doctype html|<html|<head|<body|<script|<iframe|<h1|<div|<font|<table|<a[\s>]|<style|<title|<b[\s>]|<br|<p[\s>]|<img|<svg:script)/i
const HTML_ANYWHERE = /<(?:script|iframe|object|embed|html|body|meta\s+http-equiv)[\s>/]/i
const PLAYLIST = /^(?:#EXTM3U|ffconcat version|\[playlist\]|v=0\r?\n|<MPD[\s>]|<SAMI)/i
const SCRIPT = /^(?:#!|<\?php|<%|<\?=)/

/**
 * What kind of text the first bytes are; `undefined` when they are not text.
 * @param prefix the first bytes of the body, a few KiB
 * @param complete whether `prefix` is the whole body: a cut character at its end is forgiven only when it is not
 */
export function textKind(prefix: Uint8Array, complete: boolean): TextKind | undefined {
  const text = decode(prefix, complete)
  if (text === undefined) return undefined
  const start = text.trimStart()
  if (PLAYLIST.test(start)) return 'playlist'
  if (SCRIPT.test(start)) return 'script'
  if (start.startsWith('<')) {
    const root = rootElement(start)
    if (root === 'svg' || root === 'svg:svg') return 'svg'
    if (root === 'html' || HTML_START.test(start)) return 'html'
    if (root !== undefined || start.startsWith('<?xml') || start.startsWith('<!')) return 'xml'
  }
  return HTML_ANYWHERE.test(text) ? 'html' : 'plain'
}

function decode(prefix: Uint8Array, complete: boolean): string | undefined {
  if (
    prefix.length >= 2 &&
    ((prefix[0] === 0xff && prefix[1] === 0xfe) || (prefix[0] === 0xfe && prefix[1] === 0xff))
  ) {
    // UTF-16 hides markup from whoever looks for it in ASCII: decode it, so that it is judged like any other text.
    const bytes = prefix.subarray(2, prefix.length - (prefix.length % 2))
    const text = new TextDecoder(prefix[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes)
    return text.includes('\0') ? undefined : text
  }
  if (prefix.includes(0)) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(prefix, { stream: !complete })
    return hasControls(text) ? undefined : text
  } catch {
    return undefined
  }
}

function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d && code !== 0x0c && code !== 0x1b)
      return true
  }
  return false
}

/** Name of the first element, past declaration, comments, doctype and processing instructions; linear in the text. */
function rootElement(text: string): string | undefined {
  let at = 0
  for (;;) {
    while (at < text.length && /\s/.test(text[at] as string)) at++
    if (text[at] !== '<') return undefined
    if (text.startsWith('<?', at)) at = after(text, '?>', at)
    else if (text.startsWith('<!--', at)) at = after(text, '-->', at)
    else if (text.startsWith('<!', at)) at = afterDoctype(text, at)
    else return /^<([A-Za-z_][\w:.-]*)/.exec(text.slice(at, at + 80))?.[1]?.toLowerCase()
    if (at < 0) return undefined
  }
}

function after(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? -1 : found + mark.length
}

function afterDoctype(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === '[') depth++
    else if (text[at] === ']') depth--
    else if (text[at] === '>' && depth <= 0) return at + 1
  }
  return -1
}
