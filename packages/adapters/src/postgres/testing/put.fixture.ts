import {
  type BeginSession,
  type Catalog,
  type CommitContent,
  type CommittedContent,
  digestOf,
  newId,
  type StagedPlacement,
  type StagePlacement,
} from '@mediakeep/core'

export const NAMESPACE = 'n'
export const OWNER = 'o'
export const VOLUME = { id: 'v', tier: 't', layout: 1 }

export const sessionInput = (more: Partial<BeginSession> = {}): BeginSession => ({
  id: newId(),
  namespace: NAMESPACE,
  owner: OWNER,
  ttlMs: 60_000,
  ...more,
})

let bodies = 0

export function stageInput(more: Partial<StagePlacement> = {}): StagePlacement {
  const placementId = newId()
  return {
    session: sessionInput(),
    domain: '',
    digest: digestOf(Buffer.from(`body ${bodies++} ${placementId}`)),
    sizeBytes: 10,
    chunkSums: new Uint8Array([1, 2, 3, 4]),
    volumeId: VOLUME.id,
    placementId,
    key: `k/${placementId}`,
    ...more,
  }
}

export function commitInput(
  { placementId, sizeBytes }: StagePlacement,
  staged: StagedPlacement,
  media: Partial<CommitContent['media']> = {},
): CommitContent {
  if (staged.type === 'repeated') throw new Error('an earlier outcome is repeated')
  const { session, blobId, existing } = staged
  return {
    session,
    blobId,
    ...(existing.length === 0 ? { placement: { id: placementId, storedBytes: sizeBytes } } : {}),
    media: { newId: newId(), namespace: NAMESPACE, owner: OWNER, ...media },
    content: { contentType: 'image/png', filename: 'a b.png', facts: { width: 3 }, state: 'active' },
  }
}

export async function put(
  catalog: Catalog,
  media: Partial<CommitContent['media']> = {},
  stage: Partial<StagePlacement> = {},
): Promise<CommittedContent> {
  const input = stageInput(stage)
  return catalog.commitContent(commitInput(input, await catalog.stagePlacement(input), media))
}
