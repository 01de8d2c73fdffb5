/** One line of defence, taken out of the source: some part must notice. */
export interface Mutation {
  readonly id: string
  /** What the missing line promises. */
  readonly about: string
  /** Source file, from the root. */
  readonly file: string
  /** Stands exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** A second line that guards the same; only with `part`. */
  readonly also?: Pick<Mutation, 'file' | 'find' | 'replace'>
  /** Who must notice: a part, within so many of its units, or a file of tests. */
  readonly by: { readonly part: string; readonly maxCount: number } | { readonly tests: string }
}
