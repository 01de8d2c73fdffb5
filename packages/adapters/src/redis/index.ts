/**
 * Resource states in Redis.
 * @packageDocumentation
 */
export type {
  DuplicateOptions,
  OpenRedisStatesOptions,
  RedisClient,
  RedisClusterClient,
  RedisStatesOptions,
  RedisStatesSettings,
  RedisSubscriber,
} from './client.ts'
export { openRedisStates } from './open.ts'
export { redisStates } from './states.ts'
