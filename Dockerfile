# test/release/image.test.ts builds and runs it, over a base image of this name that it makes itself.

FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/
COPY src src
RUN npm run build

FROM node:26-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:26-slim
LABEL org.opencontainers.image.title="Postern" \
      org.opencontainers.image.description="Adds a second factor to any system and hands out signed JWTs once it has passed." \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY sql sql
# What the embedded defaults write. Everything else may be read-only, and with DATABASE_URL, REDIS_URL and
# POSTERN_ENCRYPTION_KEYS set nothing is written at all.
RUN install --directory --owner=node --group=node --mode=0700 /data
VOLUME /data
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8400 \
    POSTERN_DATA_DIR=/data
USER node
EXPOSE 8400
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=32", "dist/main.js"]
CMD ["serve"]
