#!/usr/bin/env node
import { readConfig } from './config.ts'
import { createLog } from './log.ts'
import { closeGracefully, startServer } from './serve.ts'

const config = readConfig()
const log = createLog(config.logLevel)
const { app, firstAdministrator } = await startServer(config, log)
if (firstAdministrator) log.info(firstAdministrator)
closeGracefully(app, log)
