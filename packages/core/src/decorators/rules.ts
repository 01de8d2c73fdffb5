import type { ObjectStore } from '../contracts/object-store.ts'

/**
 * What a decorator does with one member of the store it wraps. Spreading the inner store would drop the members of a
 * class and let a member added later slip past encryption or limits; a table has a row for each, or does not compile.
 */
export type MemberRule<Member> =
  | { readonly rule: 'forwarded' }
  | { readonly rule: 'rewritten'; readonly as: Member }
  | (undefined extends Member
      ?
          | { readonly rule: 'withheld'; readonly reason: string }
          | { readonly rule: 'added'; readonly as: NonNullable<Member> }
      : never)

/**
 * One row per member of `ObjectStore`. A rewritten optional member appears only where the inner store has it; one that
 * is added appears in any case.
 */
export type DecoratorTable = { readonly [Key in keyof Required<ObjectStore>]: MemberRule<ObjectStore[Key]> }

export const forwarded: { readonly rule: 'forwarded' } = { rule: 'forwarded' }

export function rewritten<Member>(as: Member): { readonly rule: 'rewritten'; readonly as: Member } {
  return { rule: 'rewritten', as }
}

/** Hides an optional member, with why: it would break what the decorator promises. */
export function withheld(reason: string): { readonly rule: 'withheld'; readonly reason: string } {
  return { rule: 'withheld', reason }
}

/** Gives an optional member that the decorator makes by itself, whether the inner store has it or not. */
export function added<Member>(as: Member): { readonly rule: 'added'; readonly as: Member } {
  return { rule: 'added', as }
}

// A record, so that a member added to the contract does not compile before it is named here.
const MEMBERS: Readonly<Record<keyof ObjectStore, true>> = {
  name: true,
  traits: true,
  put: true,
  get: true,
  head: true,
  delete: true,
  deleteMany: true,
  list: true,
  close: true,
  open: true,
  identity: true,
  presign: true,
  directParts: true,
  createWriter: true,
  sweepUploads: true,
  adopt: true,
  localPath: true,
  openFile: true,
  readNow: true,
  staging: true,
  observe: true,
  journal: true,
  [Symbol.asyncDispose]: true,
}

/** Every member of `ObjectStore`, for checks of decorators. */
export const OBJECT_STORE_MEMBERS: readonly (keyof ObjectStore)[] = Reflect.ownKeys(MEMBERS).filter(
  (member): member is keyof ObjectStore => member in MEMBERS,
)
