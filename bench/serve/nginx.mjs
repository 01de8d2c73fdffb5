import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findProgram, pathFolders } from '../../scripts/lib/programs.mjs'
import { SERVER_CORE, startProgram, stopProcess } from '../harness/processes.mjs'

/** nginx as the manuals set it for files: sendfile, one worker, no log. Undefined where it is not installed. */
export async function startNginx(state, folder, files) {
  const command = findProgram('nginx', [...pathFolders(), '/usr/sbin'])
  if (command === undefined) throw new Error('nginx is not installed')
  mkdirSync(state, { recursive: true })
  const port = await freePort()
  const pidFile = join(state, 'pid')
  const config = join(state, 'nginx.conf')
  const root = process.getuid?.() === 0 ? 'user root;' : ''
  writeFileSync(
    config,
    `daemon off; ${root} worker_processes 1; pid ${pidFile}; error_log ${join(state, 'error.log')};
events { worker_connections 512; }
http {
  sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000000;
  client_body_temp_path ${state}; proxy_temp_path ${state}; fastcgi_temp_path ${state}; uwsgi_temp_path ${state}; scgi_temp_path ${state};
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`,
  )
  const child = startProgram(command, ['-c', config, '-p', state], { core: SERVER_CORE })
  await untilAnswers(port, child)
  return {
    port,
    paths: files.map(({ name }) => `/${name}`),
    // The master starts one worker, which does all the work.
    pid: workerOf(Number(readFileSync(pidFile, 'utf8'))),
    stop: () => stopProcess(child),
  }
}

function workerOf(master) {
  return Number(readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ')[0])
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

async function untilAnswers(port, child) {
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      async (response) => {
        await response.arrayBuffer()
        return true
      },
      () => false,
    )
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('nginx did not start')
}
