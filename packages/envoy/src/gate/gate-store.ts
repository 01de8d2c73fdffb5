import {
  isMediaError,
  type LocateOptions,
  type MediaLocation,
  type MediaRef,
  type MediaStore,
} from '@mediakeep/core'

/**
 * What the gate needs of a store. The first four suffice; with the others it looks once instead of twice, is told of changes,
 * checks signed addresses, looks again at what a proxy did not find, and sees other namespaces.
 */
export type GateStore = Pick<MediaStore, 'availability' | 'warm' | 'stat' | 'url'> &
  Partial<Pick<MediaStore, 'locate' | 'watch' | 'verifyUrl' | 'recheck'>> & {
    in?(namespace: string): GateStore
  }

/** Record and availability, from one look where the store has that. What cannot be a name names nothing. */
export async function look(store: GateStore, ref: MediaRef, options: LocateOptions): Promise<MediaLocation> {
  try {
    return await lookFor(store, ref, options)
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_BAD_INPUT')) throw error
    return { media: undefined, availability: { state: 'missing' }, names: [] }
  }
}

async function lookFor(store: GateStore, ref: MediaRef, options: LocateOptions): Promise<MediaLocation> {
  if (store.locate !== undefined) return store.locate(ref, options)
  const media = await store.stat(ref)
  if (media === undefined) return { media: undefined, availability: { state: 'missing' }, names: [] }
  return { media, availability: await store.availability(media.id), names: [] }
}
