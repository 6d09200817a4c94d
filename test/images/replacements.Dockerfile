# Replaces images that cannot be pulled; test/images/images.ts builds each target.
ARG BASE
ARG SERVICE
FROM ${SERVICE} AS service

FROM ${BASE} AS with-wget
# The health checks of docker-compose.yml use it.
RUN ln -s /bin/busybox /usr/local/bin/wget

FROM with-wget AS nats
COPY nats-server /usr/local/bin/nats-server
ENTRYPOINT ["nats-server"]

# node_modules, which has chDB, is mounted: it is too large to copy.
FROM with-wget AS clickhouse
ENV TZ=UTC UV_THREADPOOL_SIZE=16
COPY --from=service /app/bin /app/bin
COPY --from=service /app/dist /app/dist
COPY --from=service /app/package.json /app/package.json
COPY clickhouse.sh /usr/local/bin/clickhouse.sh
ENTRYPOINT ["clickhouse.sh"]

FROM ${BASE} AS prometheus
RUN apt-get update && apt-get install --yes --no-install-recommends prometheus && rm -rf /var/lib/apt/lists
ENTRYPOINT ["prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
