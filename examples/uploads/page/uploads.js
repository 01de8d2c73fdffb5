/*
 * The uploads of this page, without a pixel.
 *   waiting -> sending <-> paused, sending -> done | failed (-> waiting), any -> cancelled
 * `interrupted` is one of an earlier page: it waits for its file to be chosen again.
 */
import { unfinished } from './unfinished.js'

const MAX_AT_ONCE = 3
const KEEP_EVERY_MS = 500

/** The same file through the same door is the same upload. */
const idOf = (door, { name, size, lastModified }) => [door, size, lastModified, name].join(':')

/** `onChange(upload)` after every step of one of them. */
export function createUploads({ doors, onChange }) {
  const uploads = new Map()
  for (const kept of unfinished.all()) {
    if (doors[kept.door]?.goesOn) uploads.set(kept.id, { ...kept, state: 'interrupted' })
    else unfinished.drop(kept.id)
  }

  function change(upload, members) {
    Object.assign(upload, members)
    onChange(upload)
  }

  function end(upload, members) {
    uploads.delete(upload.id)
    unfinished.drop(upload.id)
    change(upload, members)
  }

  async function start(upload) {
    const door = doors[upload.door]
    let keptAtMs = 0
    const onProgress = (sentBytes) => {
      const nowMs = performance.now()
      if (sentBytes !== upload.sentBytes) upload.movedAtMs = nowMs
      change(upload, { sentBytes: Math.min(sentBytes, upload.sizeBytes) })
      if (!door.goesOn || nowMs - keptAtMs < KEEP_EVERY_MS || upload.state !== 'sending') return
      keptAtMs = nowMs
      unfinished.keep(upload)
    }
    change(upload, { state: 'sending', problem: undefined, movedAtMs: performance.now() })
    try {
      change(upload, { sending: door.begin(upload.file, { id: upload.id, onProgress }) })
      const mediaId = await upload.sending.done
      end(upload, { state: 'done', sentBytes: upload.sizeBytes, mediaId })
    } catch (problem) {
      if (upload.state !== 'cancelling' && upload.state !== 'cancelled')
        change(upload, { state: 'failed', problem })
    } finally {
      startNext()
    }
  }

  function startNext() {
    const waiting = [...uploads.values()].filter(({ state }) => state === 'waiting')
    const busy = [...uploads.values()].filter(({ state }) => state === 'sending').length
    for (const upload of waiting.slice(0, Math.max(0, MAX_AT_ONCE - busy))) void start(upload)
  }

  return {
    all: () => [...uploads.values()],
    canPause: ({ sending }) => sending?.pause !== undefined,
    /** Begins the file, or goes on with it where it was interrupted. Answers `false` for one that is under way. */
    add(file, chosenDoor) {
      const found = Object.keys(doors)
        .map((door) => uploads.get(idOf(door, file)))
        .find((upload) => upload?.state === 'interrupted' || upload?.door === chosenDoor)
      if (found !== undefined && found.state !== 'interrupted' && found.state !== 'failed') return false
      const id = found?.id ?? idOf(chosenDoor, file)
      const upload = found ?? { id, door: chosenDoor, name: file.name, sizeBytes: file.size, sentBytes: 0 }
      uploads.set(id, upload)
      change(upload, { file, state: 'waiting' })
      startNext()
      return true
    },
    async pause(upload) {
      change(upload, { state: 'paused' })
      await upload.sending.pause()
      // The last byte may have been quicker.
      if (uploads.has(upload.id)) unfinished.keep(upload)
      startNext()
    },
    resume(upload) {
      change(upload, { state: 'sending', movedAtMs: performance.now() })
      void upload.sending.resume()
    },
    retry(upload) {
      change(upload, { state: 'waiting' })
      startNext()
    },
    /** Nothing of it stays, here and at the server. */
    async cancel(upload) {
      const before = upload.state
      change(upload, { state: 'cancelling' })
      try {
        if (upload.sending === undefined) await doors[upload.door].discard?.(upload.id)
        else await upload.sending.cancel()
        // The last byte may have been quicker.
        if (upload.state !== 'done') end(upload, { state: 'cancelled' })
      } catch (problem) {
        change(upload, { state: before === 'interrupted' ? before : 'failed', problem })
      }
      startNext()
    },
  }
}
