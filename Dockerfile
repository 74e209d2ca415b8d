# One image for master and worker, linux/amd64 and linux/arm64: `make image`. What it starts is said by its arguments:
#   master --broker HOST:1883 --data-dir /data        worker --master tcp://HOST:5570
# The publisher is in it too, for demonstrations: it needs nothing that the agent does not.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

# --- Dependencies: built for this architecture from wheels alone, then trimmed of what never runs here ---------------
FROM ${PYTHON_IMAGE} AS dependencies
COPY locks/agent.lock /build/agent.lock
COPY scripts/image-trim scripts/image-without.txt /build/
RUN python -m venv --without-pip /opt/posture \
 && python -m pip --python /opt/posture/bin/python install --disable-pip-version-check --no-input --no-cache-dir \
    --no-compile --require-hashes --no-deps --only-binary=:all: -r /build/agent.lock \
 && python -m pip --python /opt/posture/bin/python uninstall --disable-pip-version-check --quiet --yes -r /build/image-without.txt \
 && /build/image-trim /opt/posture

# --- The pose model: of the sources only what installs it, so that other changes do not fetch it again -----------------
FROM dependencies AS model
ARG MODEL=full
COPY shared/posture_shared/__init__.py shared/posture_shared/exits.py shared/posture_shared/installation.py \
     shared/posture_shared/text.py /build/src/posture_shared/
COPY agent/posture_agent/__init__.py /build/src/posture_agent/
COPY agent/posture_agent/analysis/__init__.py agent/posture_agent/analysis/model.py \
     agent/posture_agent/analysis/model_sources.py agent/posture_agent/analysis/bundle.py /build/src/posture_agent/analysis/
RUN POSTURE_MODEL_DIR=/build/models PYTHONPATH=/build/src:/opt/posture/lib/python3.11/site-packages python -c \
    "import sys; from posture_agent.analysis.model import install; [install(name) for name in sys.argv[1:]]" ${MODEL} \
 && mkdir /models && cp /build/models/*.task /models/ && chmod 644 /models/*.task

# --- Posture Edge itself ----------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS program
COPY . /build/src
RUN python -m pip wheel --disable-pip-version-check --no-input --no-cache-dir --quiet --no-deps -w /build/wheel /build/src \
 && python -m zipfile -e /build/wheel/posture_edge-*.whl /out \
 && rm -rf /out/posture_console \
 && python -m compileall -q --invalidation-mode unchecked-hash /out \
 && mkdir /out-bin && cp /build/src/scripts/image-health /out-bin/posture-health \
 && for name in agent publisher; do \
      printf '#!/opt/posture/bin/python\nfrom posture_%s.cli import main\n\nmain()\n' $name > /out-bin/posture-$name; \
    done \
 && chmod 755 /out-bin/*

# --- The image --------------------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE}
# MediaPipe's library loads EGL and GLES even where it computes on the CPU alone; tini reaps and passes signals on.
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends libegl1 libgles2 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin posture \
 && install -d -o posture -g posture -m 0700 /data /keys
COPY --from=dependencies /opt/posture /opt/posture
COPY --from=model /models /models
COPY --from=program /out /opt/posture/lib/python3.11/site-packages
COPY --from=program /out-bin /opt/posture/bin
ENV PATH=/opt/posture/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp \
    HOME=/data \
    POSTURE_MODEL_DIR=/models \
    POSTURE_DATA_DIR=/data
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 5570 5571 5572 9470
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["posture-health"]
# Last, so that another revision builds nothing else anew.
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=
LABEL org.opencontainers.image.title="Posture Edge" \
      org.opencontainers.image.description="Master and worker: posture analysis at the edge that loses no picture" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Without -g: the worker ends its analysis process itself, once its frames are done.
ENTRYPOINT ["/usr/bin/tini", "--", "posture-agent"]
CMD ["--help"]
