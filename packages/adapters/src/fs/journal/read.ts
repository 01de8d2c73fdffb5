import type { JournalPiece } from '@mediakeep/core'
import { type FsPromises, READ_FLAGS } from '../calls.ts'
import { errnoOf } from '../errors.ts'
import type { Volume } from '../volume-state.ts'
import { createLineParser } from './frame.ts'
import { isSnapshot, listSegments } from './segments.ts'

const BLOCK_BYTES = 1024 * 1024

/**
 * Every segment but those that a snapshot took the place of, whole ones and such as are written to.
 * A segment that a compaction removes before its turn comes is made up for by the snapshot, which is found when the folder is read again.
 */
export async function* readSegments(volume: Volume, check: () => void): AsyncGenerator<JournalPiece> {
  const seen = new Set<string>()
  for (;;) {
    const names = await listSegments(volume)
    const replaced = new Set<string>()
    for (const name of names.filter(isSnapshot))
      for (const old of await replacedBy(volume, name)) replaced.add(old)
    const unread = names.filter((name) => !seen.has(name) && !replaced.has(name))
    if (unread.length === 0) return
    for (const name of unread) {
      seen.add(name)
      yield* readSegment(volume, name, check)
    }
  }
}

async function* readSegment(volume: Volume, name: string, check: () => void): AsyncGenerator<JournalPiece> {
  const fd = await openIfThere(volume, name)
  if (fd === undefined) return
  try {
    const parser = createLineParser()
    let isHeader = isSnapshot(name)
    const withoutHeader = (piece: JournalPiece): JournalPiece => {
      if (!isHeader || (piece.lines.length === 0 && piece.damaged === 0)) return piece
      isHeader = false
      return piece.lines[0] !== undefined && parseHeader(piece.lines[0]) !== undefined
        ? { lines: piece.lines.slice(1), damaged: piece.damaged }
        : piece
    }
    for await (const block of blocksOf(volume.fs, fd)) {
      check()
      yield withoutHeader(parser.push(block))
    }
    yield withoutHeader(parser.end())
  } finally {
    await volume.fs.close(fd)
  }
}

async function* blocksOf(fs: FsPromises, fd: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES)
  for (let position = 0; ; ) {
    const readBytes = await fs.read(fd, buffer, position)
    if (readBytes > 0) yield buffer.subarray(0, readBytes)
    if (readBytes < buffer.length) return
    position += readBytes
  }
}

/** The first line of a snapshot: the segments whose place it took, of which some may still be there. */
export function headerOf(replaced: readonly string[]): string {
  return JSON.stringify({ kind: 'snapshot', replaced })
}

function parseHeader(line: string): readonly string[] | undefined {
  if (!line.startsWith('{"kind":"snapshot"')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null || !('replaced' in value)) return undefined
    const { replaced } = value
    if (!Array.isArray(replaced)) return undefined
    return replaced.filter((name) => typeof name === 'string')
  } catch {
    return undefined
  }
}

/** Nothing when its header is damaged: then all that is there is read, which is more than enough. */
async function replacedBy(volume: Volume, name: string): Promise<readonly string[]> {
  const fd = await openIfThere(volume, name)
  if (fd === undefined) return []
  try {
    const parser = createLineParser()
    for await (const block of blocksOf(volume.fs, fd)) {
      const { lines, damaged } = parser.push(block)
      if (lines.length > 0 || damaged > 0) return parseHeader(lines[0] ?? '') ?? []
    }
    return parseHeader(parser.end().lines[0] ?? '') ?? []
  } finally {
    await volume.fs.close(fd)
  }
}

async function openIfThere({ fs, paths }: Volume, name: string): Promise<number | undefined> {
  try {
    return await fs.open(`${paths.journal}/${name}`, READ_FLAGS)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
