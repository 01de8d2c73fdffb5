import { platform } from './platform.ts'

/** `localStorage`, or what is like it. */
export interface UploadStorage {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

/** Where an upload is to be gone on with, and what file it was of. */
export interface RememberedUpload {
  readonly url: string
  readonly file: string
}

/** What is kept of an upload under way, so that it goes on after a reload. Failing storage is none: uploads work without. */
export interface UploadMemory {
  recall(): RememberedUpload | undefined
  remember(upload: RememberedUpload): void
  forget(): void
}

export function uploadMemory(
  resumeKey: string | undefined,
  storage: UploadStorage | undefined,
): UploadMemory | undefined {
  const place = storage ?? defaultStorage()
  if (resumeKey === undefined || place === undefined) return undefined
  const name = `mediakeep-upload:${resumeKey}`
  return {
    recall() {
      try {
        const value: unknown = JSON.parse(place.getItem(name) ?? 'null')
        return isRemembered(value) ? value : undefined
      } catch {
        return undefined
      }
    },
    remember(upload) {
      try {
        place.setItem(name, JSON.stringify(upload))
      } catch {
        // Full or forbidden: this upload starts anew after a reload.
      }
    },
    forget() {
      try {
        place.removeItem(name)
      } catch {
        // What stays is asked for, and found to be over.
      }
    },
  }
}

/** Reading `localStorage` throws where a page may not have any. */
function defaultStorage(): UploadStorage | undefined {
  try {
    return platform.localStorage
  } catch {
    return undefined
  }
}

function isRemembered(value: unknown): value is RememberedUpload {
  return (
    typeof value === 'object' &&
    value !== null &&
    'url' in value &&
    'file' in value &&
    typeof value.url === 'string' &&
    typeof value.file === 'string'
  )
}
