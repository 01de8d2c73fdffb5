/*
 * A still for every video, made here: the first good frame, drawn once. One at a time and only for what is in
 * sight, so that a page of videos costs a page of frames and not a page of downloads.
 */
import { contentUrl } from './api.js'

const STILL_WIDTH = 480
const MAX_WAIT_MS = 8000
/** The very first frame is often black. */
const stillAt = (durationSeconds) => (Number.isFinite(durationSeconds) ? Math.min(1, durationSeconds / 4) : 0)

let chain = Promise.resolve()
const inSight = new IntersectionObserver(
  (changes) => {
    for (const { target, isIntersecting } of changes) {
      if (!isIntersecting) continue
      inSight.unobserve(target)
      chain = chain.then(() => giveStill(target)).catch(() => {}) // No still: the player has its own picture of itself.
    }
  },
  { rootMargin: '200px' },
)
const mediaOf = new WeakMap()

export function wantStill(video, media) {
  mediaOf.set(video, media)
  inSight.observe(video)
}

export function forgetStill(video) {
  inSight.unobserve(video)
  if (video.poster.startsWith('blob:')) URL.revokeObjectURL(video.poster)
}

const once = (target, type) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${type}`)), MAX_WAIT_MS)
    const settle = (end) => () => {
      clearTimeout(timer)
      end()
    }
    target.addEventListener(type, settle(resolve), { once: true })
    target.addEventListener(
      'error',
      settle(() => reject(new Error('cannot be decoded'))),
      { once: true },
    )
  })

async function giveStill(video) {
  if (!video.isConnected) return
  const source = document.createElement('video')
  source.muted = true
  source.preload = 'metadata'
  source.src = contentUrl(mediaOf.get(video))
  try {
    await once(source, 'loadedmetadata')
    source.currentTime = stillAt(source.duration)
    await once(source, 'seeked')
    if (source.videoWidth === 0) return // Sound in a video's clothes.
    const canvas = document.createElement('canvas')
    canvas.width = Math.min(STILL_WIDTH, source.videoWidth)
    canvas.height = Math.round((canvas.width * source.videoHeight) / source.videoWidth)
    canvas.getContext('2d').drawImage(source, 0, 0, canvas.width, canvas.height)
    const still = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.8))
    if (still !== null && video.isConnected) video.poster = URL.createObjectURL(still)
  } finally {
    source.removeAttribute('src')
    source.load()
  }
}
