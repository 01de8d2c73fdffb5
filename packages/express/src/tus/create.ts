import { type CreateUpload, MediaError, type Principal, type Upload } from '@mediakeep/core'
import { report } from '../router/answer.ts'
import { hasBody } from '../router/client-body.ts'
import { contextOf, type Exchange, principalOf } from '../router/exchange.ts'
import { allowCreate, ownerOf } from '../router/write-content.ts'
import { sendTus } from './answer.ts'
import { type Piece, readPiece, takePiece } from './append.ts'
import { checkParts } from './check-parts.ts'
import { parseUploadConcat, type UploadConcat } from './concat.ts'
import { optionsOfMetadata, parseUploadMetadata } from './metadata.ts'
import { badHeader, declaredLength, fieldOf } from './numbers.ts'
import { locationOf, progressHeaders } from './upload-headers.ts'
import { completeUpload, isWhole } from './uploads.ts'

/** POST: begins an upload, with its first bytes or all of them, or puts one together from others. */
export async function createUpload(exchange: Exchange): Promise<void> {
  const { request } = exchange
  const concat = readConcat(exchange)
  const length = fieldOf(request, 'upload-length')
  const deferred = fieldOf(request, 'upload-defer-length')
  const said = readMetadata(exchange, concat)
  if (concat?.type === 'final') {
    checkFinal(exchange, length ?? deferred)
    await createFinal(exchange, said, concat.partIds)
    return
  }
  const sizeBytes = declaredLength(length, deferred)
  const piece = hasBody(request) ? readPiece(exchange) : undefined
  if (sizeBytes !== undefined && (piece?.pieceBytes ?? 0) > sizeBytes) {
    throw new MediaError('MEDIA_TOO_LARGE', 'the body is longer than Upload-Length', {
      reason: 'entity-too-large',
    })
  }
  const principal = await principalOf(exchange)
  await allowCreate(exchange, principal)
  const begun = await begin(exchange, principal, {
    ...said,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    partial: concat?.type === 'partial',
  })
  const upload = await orNothing(exchange, begun, () => takeFirst(exchange, begun, principal, piece))
  sendCreated(exchange, upload)
}

async function takeFirst(
  exchange: Exchange,
  begun: Upload,
  principal: Principal | undefined,
  piece: Piece | undefined,
): Promise<Upload> {
  const upload =
    piece === undefined ? begun : await takePiece(exchange, begun, principal, { ...piece, offsetBytes: 0 })
  if (isWhole(upload)) await completeUpload(exchange, upload, principal)
  return upload
}

async function createFinal(exchange: Exchange, said: Said, partIds: readonly string[]): Promise<void> {
  const principal = await principalOf(exchange)
  await allowCreate(exchange, principal)
  await checkParts(exchange, partIds, principal)
  // Without a length: what it will hold of the quota is held by its parts until they are put together.
  const begun = await begin(exchange, principal, said)
  const call = { context: contextOf(exchange, principal) }
  const upload = await orNothing(exchange, begun, () =>
    exchange.store.uploads.concatenate(begun.id, partIds, call),
  )
  sendCreated(exchange, upload)
}

type Said = Pick<
  CreateUpload,
  'at' | 'when' | 'filename' | 'contentType' | 'visibility' | 'tags' | 'metadata' | 'links' | 'extra'
>

function begin(
  exchange: Exchange,
  principal: Principal | undefined,
  options: Omit<CreateUpload, 'door'>,
): Promise<Upload> {
  return exchange.store.uploads.create({
    door: 'tus',
    ...options,
    ...ownerOf(principal),
    context: contextOf(exchange, principal),
  })
}

/** Its sender never learns the address of an upload whose creation fails: nothing of it stays. */
async function orNothing(exchange: Exchange, begun: Upload, work: () => Promise<Upload>): Promise<Upload> {
  try {
    return await work()
  } catch (error) {
    await exchange.store.uploads.abort(begun.id).catch((failure: unknown) => report(exchange, failure))
    throw error
  }
}

function sendCreated(exchange: Exchange, upload: Upload): void {
  sendTus(exchange, 201, [...locationOf(exchange, upload), ...progressHeaders(exchange, upload)])
}

function readConcat({ request }: Exchange): UploadConcat | undefined {
  const text = fieldOf(request, 'upload-concat')
  return text === undefined ? undefined : parseUploadConcat(text)
}

/** What is said of the media, and what its sender wants to find again. Of a part nothing is said: it is no media. */
function readMetadata({ request }: Exchange, concat: UploadConcat | undefined): Said {
  const metadata = fieldOf(request, 'upload-metadata')
  const stated = fieldOf(request, 'upload-concat')
  const pairs = metadata === undefined ? undefined : parseUploadMetadata(metadata)
  return {
    ...(pairs === undefined || concat?.type === 'partial' ? {} : optionsOfMetadata(pairs)),
    extra: {
      ...(metadata === undefined ? {} : { metadata }),
      ...(stated === undefined ? {} : { concat: stated }),
    },
  }
}

function checkFinal({ request }: Exchange, length: string | undefined): void {
  if (length !== undefined) {
    throw badHeader('the length of an upload put together from others is theirs', 'upload-length-ambiguous')
  }
  if (hasBody(request)) {
    throw new MediaError('MEDIA_DENIED', 'an upload put together from others takes no bytes', {
      reason: 'upload-final',
    })
  }
}
