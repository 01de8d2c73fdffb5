/**
 * The bucket that direct uploads go to: `MINIO_ENDPOINT` (http://host:port), `MINIO_BUCKET_NAME` (media); the store itself takes
 * `MINIO_ACCESS_KEY` and `MINIO_SECRET_KEY`. Without an endpoint there is none, and all media lie in the folder.
 */
export function bucketOf({ MINIO_ENDPOINT: endpoint, MINIO_BUCKET_NAME: name = 'media' }) {
  if (endpoint === undefined || endpoint === '') return undefined
  const { origin, host, protocol } = new URL(endpoint)
  const url = `minio://${host}/${name}${protocol === 'https:' ? '?ssl=true' : ''}`
  return { origin, tier: { name: 'bucket', url } }
}
