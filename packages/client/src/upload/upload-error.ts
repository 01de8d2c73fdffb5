/** What a server said when it refused an upload. */
export interface RefusalFacts {
  readonly status: number
  readonly code?: string | undefined
  readonly reason?: string | undefined
  readonly detail?: string | undefined
}

/** The server refused, and would again: the upload is over, or its sender must change something. */
export class UploadRefusedError extends Error {
  override readonly name = 'UploadRefusedError'
  readonly status: number
  /** Of Mediakeep, such as `MEDIA_TOO_LARGE`; `undefined` when something else answered. */
  readonly code: string | undefined
  /** The finer word, such as `upload-ended`. */
  readonly reason: string | undefined

  constructor({ status, code, reason, detail }: RefusalFacts) {
    super(`the upload was refused with ${status}${detail === undefined ? '' : `: ${detail}`}`)
    this.status = status
    this.code = code
    this.reason = reason
  }
}
