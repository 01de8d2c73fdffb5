/** Why no certificates can be made here; `undefined` when they can. */
export function missingOpensslReason(): string | undefined

/** A certificate for 127.0.0.1 that is its own authority, in files of the folder. @returns their paths */
export function makeCertificate(folder: string, name: string): { readonly key: string; readonly cert: string }
