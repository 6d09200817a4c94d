# The service without its engines: NATS_URL and CLICKHOUSE_URL must name them.

# Settable, for a mirror or for a base image made locally (test/images).
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages are native binaries, chDB (543 MB) among them. Compiling needs only that of esbuild, which its install
# script fetches and checks against the hash in its package; no other install script runs.
RUN npm ci --omit=optional --ignore-scripts --no-audit --no-fund && node node_modules/esbuild/install.js
COPY tsconfig.json tsconfig.build.json ./
COPY bin ./bin
COPY src ./src
COPY actors ./actors
COPY web ./web
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
COPY bin ./bin
COPY deploy/docker ./deploy/docker
# By number, so that Kubernetes can verify that it is not root. The service writes no files: the root file system may
# be read-only.
USER 1000:1000
EXPOSE 8000
# Liveness, not readiness: a container that is catching up must not be restarted.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 CMD ["/app/deploy/docker/healthcheck.sh"]
# Node is process 1 and handles SIGTERM itself; no shell in between. The larger semi-space keeps short-lived objects of a
# reading out of the old generation (package.json uses the same value).
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=64", "bin/density.js"]
CMD ["run"]
