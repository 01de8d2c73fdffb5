/** A store under torment: ours, or one that must be convicted by the same checks. */
export interface Subject {
  /** Its acts may fail while others run: not what it is accused of. */
  readonly mayRefuse: boolean
  /** Resolves when the store has acknowledged the bytes. */
  put(key: string, bytes: Buffer): Promise<void>
  /** `undefined` when the store says that there is nothing; what it cannot give for another reason throws. */
  get(key: string): Promise<Uint8Array | undefined>
  delete(key: string): Promise<void>
  /** Frees what is not needed any more, beside everything else. */
  collect(): Promise<void>
  close(): Promise<void>
}
