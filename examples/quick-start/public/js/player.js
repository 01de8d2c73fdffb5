/*
 * One player at a time. A paused player keeps its connection to the server open, and a browser opens six per
 * server: a handful of videos looked at and left would stop every upload. So the one before is unloaded, and
 * remembers where it was.
 */

let current
const leftAt = new WeakMap()

function unload(player) {
  leftAt.set(player, player.currentTime)
  player.pause()
  player.preload = 'none'
  player.load()
}

/** Watches a `<video>` or `<audio>`: loads its facts when somebody shows interest, and takes turns when it plays. */
export function takeTurns(player) {
  const showInterest = () => {
    if (player.preload === 'none') player.preload = 'metadata'
    if (current !== undefined && current !== player && current.paused) unload(current)
    if (current === undefined || current.paused) current = player
  }
  player.addEventListener('pointerenter', showInterest)
  player.addEventListener('focus', showInterest)
  player.addEventListener('play', () => {
    if (current !== undefined && current !== player) unload(current)
    current = player
  })
  player.addEventListener('loadedmetadata', () => {
    const seconds = leftAt.get(player)
    if (seconds > 0) player.currentTime = seconds
    leftAt.delete(player)
  })
}

/** Frees the connection of a player that leaves the page. */
export function stopPlayer(player) {
  if (current === player) current = undefined
  player.removeAttribute('src')
  player.load()
}
