import { DONE, type ExitCode, FAILED } from '../exit-codes.ts'
import { formatBytes } from '../terminal/output.ts'
import { type CommandContext, withStore } from './context.ts'

export interface SessionFlags {
  readonly owner?: string
}

/** `sessions`: uploads and puts under way, one line each. The secrets that stand in addresses of uploads are never printed. */
export async function sessionsCommand(context: CommandContext, { owner }: SessionFlags): Promise<ExitCode> {
  return withStore(context, async (store) => {
    for (const status of await store.uploads.list()) {
      if (owner !== undefined && status.owner !== owner) continue
      const upload = await store.uploads.ofMedia(status.id)
      const about =
        upload === undefined ? {} : { door: upload.door, state: upload.state, filename: upload.filename }
      const { declaredBytes: of, receivedBytes, expiresAt } = status
      const size = `${formatBytes(receivedBytes)}${of === undefined ? '' : ` of ${formatBytes(of)}`}`
      await context.output.item(
        { ...status, ...about },
        `${status.id}  ${upload?.door ?? 'put'}  ${upload?.state ?? 'receiving'}  ${size}  ${status.owner}  until ${expiresAt.toISOString()}${upload === undefined ? '' : `  ${upload.filename}`}`,
      )
    }
    return DONE
  })
}

/** `sessions abort ID...`: ends uploads, whose bytes and reservations go now; exit 1 when one was not under way. A put ends with its own call. */
export async function abortSessionsCommand(
  context: CommandContext,
  ids: readonly string[],
): Promise<ExitCode> {
  return withStore(context, async (store) => {
    let missing = 0
    for (const id of ids) {
      const upload = await store.uploads.ofMedia(id)
      const aborted = upload !== undefined && (await store.uploads.abort(upload.id))
      if (!aborted) missing++
      await context.output.item({ id, aborted }, `${aborted ? 'aborted' : 'not there'}  ${id}`)
    }
    return missing === 0 ? DONE : FAILED
  })
}
