import { rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { MediaError } from '@mediakeep/core'

/**
 * Makes room for a unix socket: the file of a server that ended without removing it is removed.
 * @throws MediaError MEDIA_CONFLICT when a server listens there, or the file is no socket: neither is touched.
 */
export async function clearSocketFile(path: string): Promise<void> {
  const stats = await stat(path).catch(absent)
  if (stats === undefined) return
  if (!stats.isSocket()) throw taken(path, 'is a file that is no socket')
  if (await isListening(path)) throw taken(path, 'has a server')
  await rm(path, { force: true })
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

const taken = (path: string, what: string): MediaError =>
  new MediaError('MEDIA_CONFLICT', `gate: ${path} ${what}; listen on another path`, {
    reason: 'socket-taken',
  })

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      else reject(error)
    })
  })
}
