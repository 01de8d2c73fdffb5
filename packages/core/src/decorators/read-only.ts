import type { ObjectStore } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { decorateStore } from './decorate-store.ts'
import { forwarded, rewritten, withheld } from './rules.ts'

const NOT_OURS = 'what is there is not ours to change'
const NO_ETAG = 'a file does not say whether it is still the object that was registered'

/** A store that is read and never written: whatever else goes wrong, nothing there is changed by us. */
export function readOnly(inner: ObjectStore): ObjectStore {
  const refuse = async (): Promise<never> => {
    throw new MediaError('MEDIA_UNSUPPORTED', `${inner.name}: ${NOT_OURS}`, { reason: 'not-ours' })
  }
  const { presign } = inner
  return decorateStore(inner, {
    name: forwarded,
    traits: forwarded,
    put: rewritten(refuse),
    get: forwarded,
    head: forwarded,
    delete: rewritten(refuse),
    deleteMany: rewritten(refuse),
    list: forwarded,
    close: forwarded,
    open: forwarded,
    identity: forwarded,
    presign: rewritten(
      presign &&
        ((key, options) => (options.method === 'PUT' ? refuse() : presign.call(inner, key, options))),
    ),
    directParts: withheld(NOT_OURS),
    createWriter: withheld(NOT_OURS),
    sweepUploads: withheld(NOT_OURS),
    adopt: withheld(NOT_OURS),
    localPath: withheld(NO_ETAG),
    openFile: withheld(NO_ETAG),
    readNow: withheld(NO_ETAG),
    observe: forwarded,
    staging: withheld(NOT_OURS),
    journal: withheld(NOT_OURS),
    [Symbol.asyncDispose]: forwarded,
  })
}
