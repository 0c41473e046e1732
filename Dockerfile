# syntax=docker/dockerfile:1
# The base by tag. The release workflow builds with the digest that the tag has at that moment (--build-arg), and the
# image's label org.opencontainers.image.base.digest keeps it.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-trixie

# --- The virtual environment: made here, copied there. Nothing of this stage but /opt/kubeai-bot goes further. ---
FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python3 -m venv /opt/kubeai-bot

COPY requirements/runtime.txt requirements/
RUN /opt/kubeai-bot/bin/pip install --no-compile --require-hashes --only-binary :all: -r requirements/runtime.txt

# The build backend has an environment of its own: nothing of it is in the image.
COPY requirements/build.txt requirements/
RUN python3 -m venv /tmp/build && \
    /tmp/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY kubeai_bot kubeai_bot
RUN /tmp/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . && \
    /opt/kubeai-bot/bin/pip install --no-compile --no-deps --no-index /tmp/wheel/*.whl && \
    /opt/kubeai-bot/bin/pip uninstall --yes pip

# Bytecode that is never compared with its source, which cannot change in an image: not even in its time, which a copy
# may change. What were not compiled here would be compiled at every start. Left out are the Kubernetes client's models
# and API groups (100 MB of bytecode), of which the bot loads none.
RUN python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash \
        -x '/kubernetes/(aio|client/(api|models))/(?!__init__)' /opt/kubeai-bot/lib

# --- What runs. ---
FROM ${PYTHON_IMAGE}
# The official image has neither a compiler nor bytecode of the standard library, but pip. CA certificates must be
# there: the model's SDK, MCP and Slack trust the system's.
RUN test -s /etc/ssl/certs/ca-certificates.crt && \
    rm -rf /usr/local/bin/pip* /usr/local/bin/idle* /usr/local/bin/pydoc* \
        /usr/local/lib/python3.*/site-packages/pip /usr/local/lib/python3.*/site-packages/pip-*.dist-info \
        /usr/local/lib/python3.*/ensurepip /usr/local/lib/python3.*/idlelib && \
    python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash -x '/(test|tests|site-packages|dist-packages)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" && \
    groupadd --gid 10001 kubeai && \
    useradd --uid 10001 --gid 10001 --home-dir /home/kubeai --create-home --shell /usr/sbin/nologin kubeai
COPY --from=builder /opt/kubeai-bot /opt/kubeai-bot

ENV PATH=/opt/kubeai-bot/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/home/kubeai \
    PYTHONUNBUFFERED=1
WORKDIR /home/kubeai
USER 10001:10001
EXPOSE 8888
# The bot ends its turns or hands them over, then leaves.
STOPSIGNAL SIGTERM
# No HEALTHCHECK: Kubernetes does not use it, and /healthz needs no program in the image to ask it.
ENTRYPOINT ["kubeai-bot"]
CMD ["run"]

ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG PYTHON_IMAGE
ARG PYTHON_DIGEST=unknown
LABEL org.opencontainers.image.title="kubeai-bot" \
      org.opencontainers.image.description="A Slack chatbot for Kubernetes that answers from live evidence, as the person who asked." \
      org.opencontainers.image.source="https://github.com/kubeai-bot/kubeai-bot" \
      org.opencontainers.image.documentation="https://github.com/kubeai-bot/kubeai-bot/tree/main/docs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="kubeai-bot" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}" \
      org.opencontainers.image.base.digest="${PYTHON_DIGEST}"
