/* A double of the CUDA runtime, of cuBLAS and of the driver: one GPU whose memory is the host's and whose kernels
   compute nothing. Every call is counted by name. build.py appends a function for each other name that torch asks
   for, which is counted and does nothing.

   What torch does on the host is thereby its own: dispatcher, autograd, allocator, generators, capture. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "driver_types.h"

#define API __attribute__((visibility("default")))
#define OK 0
#define OUT_OF_MEMORY 2
#define INVALID_DEVICE 101
#define STREAM_CAPTURE_UNSUPPORTED 900

typedef struct {
  unsigned x, y, z;
} Dim;

/* ---- Counters, which double.py reads ---- */

static struct {
  const char *name;
  long count;
} calls[4096];
static int n_calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

API int double_count(const char *name) {
  pthread_mutex_lock(&lock);
  int i = 0;
  while (i < n_calls && strcmp(calls[i].name, name)) i++;
  if (i == n_calls) calls[n_calls++].name = strdup(name);
  calls[i].count++;
  pthread_mutex_unlock(&lock);
  return OK;
}
API int double_names(void) { return n_calls; }
API const char *double_name(int i) { return calls[i].name; }
API long double_calls(int i) { return calls[i].count; }

/* ---- The device ---- */

static int capability(void) { return getenv("DOUBLE_CAPABILITY") ? atoi(getenv("DOUBLE_CAPABILITY")) : 9; }

API int cudaGetDeviceCount(int *n) { return *n = 1, OK; }
API int cudaGetDevice(int *n) { return *n = 0, OK; }
API int cudaSetDevice(int n) { return n ? INVALID_DEVICE : OK; }
API int cudaDriverGetVersion(int *v) { return *v = 13020, OK; }
API int cudaRuntimeGetVersion(int *v) { return *v = 13020, OK; }
API int cudaDeviceCanAccessPeer(int *can) { return *can = 0, OK; }
API int cudaDeviceGetStreamPriorityRange(int *low, int *high) { return *low = 0, *high = -5, OK; }
API int cudaGetLastError(void) { return OK; }
API int cudaPeekAtLastError(void) { return OK; }
API const char *cudaGetErrorString(int e) { return e == OUT_OF_MEMORY ? "out of memory" : e ? "refused by the double" : "no error"; }
API const char *cudaGetErrorName(int e) { return e ? "cudaErrorOfTheDouble" : "cudaSuccess"; }

/* An H100's properties, as far as torch and Triton look at them. */
API int cudaGetDeviceProperties(struct cudaDeviceProp *p, int device) {
  memset(p, 0, sizeof *p);
  strcpy(p->name, "Double of an H100");
  p->major = capability();
  p->totalGlobalMem = 80L << 30;
  p->multiProcessorCount = 132;
  p->warpSize = 32;
  p->maxThreadsPerBlock = p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxThreadsPerMultiProcessor = 2048;
  p->maxBlocksPerMultiProcessor = 32;
  p->maxGridSize[0] = 2147483647;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->sharedMemPerBlock = 49152;
  p->sharedMemPerBlockOptin = 232448;
  p->sharedMemPerMultiprocessor = 233472;
  p->l2CacheSize = 52428800;
  p->textureAlignment = 512;
  p->unifiedAddressing = p->managedMemory = p->concurrentKernels = 1;
  p->asyncEngineCount = 3;
  return OK;
}
API int cudaDeviceGetAttribute(int *value, int attribute, int device) {
  switch (attribute) {
    case 1: return *value = 1024, OK;          /* threads a block */
    case 8: return *value = 49152, OK;         /* shared memory a block */
    case 10: case 106: return *value = 32, OK; /* warp, blocks a multiprocessor */
    case 12: return *value = 65536, OK;        /* registers a block */
    case 16: return *value = 132, OK;          /* multiprocessors */
    case 39: return *value = 2048, OK;         /* threads a multiprocessor */
    case 75: return *value = capability(), OK;
    case 76: return *value = 0, OK;
    case 81: return *value = 233472, OK; /* shared memory a multiprocessor */
    case 97: return *value = 232448, OK; /* shared memory a block may ask for */
    default: return *value = 1, OK;
  }
}

/* ---- Streams, events and graphs ---- */

static int capturing;
static unsigned long long captures;
static void *capture_stream;
static __thread int capture_mode;

static void *object(void) { return calloc(1, 64); }
static int illegal(const char *what) {
  double_count(what);
  return STREAM_CAPTURE_UNSUPPORTED;
}
/* Whether what is asked for on a stream would be missing in the graph. */
static void on_stream(void *stream) {
  if (capturing && stream != capture_stream) illegal("illegal: another stream while capturing");
}

API int cudaStreamCreateWithFlags(void **s) { return *s = object(), OK; }
API int cudaStreamCreateWithPriority(void **s) { return *s = object(), OK; }
API int cudaStreamGetPriority(void *s, int *p) { return *p = 0, OK; }
API int cudaEventCreate(void **e) { return *e = object(), OK; }
API int cudaEventCreateWithFlags(void **e) { return *e = object(), OK; }
API int cudaEventElapsedTime(float *ms) { return *ms = 1, OK; }
API int cudaStreamSynchronize(void *s) {
  if (capturing && (s == capture_stream || capture_mode != 2)) return illegal("illegal: a wait while capturing");
  return double_count("cudaStreamSynchronize");
}
API int cudaDeviceSynchronize(void) {
  return capturing ? illegal("illegal: a wait while capturing") : double_count("cudaDeviceSynchronize");
}
API int cudaThreadExchangeStreamCaptureMode(int *mode) {
  int before = capture_mode;
  capture_mode = *mode;
  return *mode = before, OK;
}
API int cudaStreamIsCapturing(void *s, int *status) { return *status = capturing && s == capture_stream, OK; }
API int cudaStreamGetCaptureInfo(void *s, int *status, unsigned long long *id, void **graph, void ***dependencies,
                                 void **edges, size_t *n) {
  if (id) *id = captures;
  if (graph) *graph = capture_stream;
  if (dependencies) *dependencies = 0;
  if (edges) *edges = 0;
  if (n) *n = 0;
  return cudaStreamIsCapturing(s, status);
}
API int cudaStreamBeginCapture(void *s) {
  capturing = 1;
  captures++;
  capture_stream = s;
  return double_count("cudaStreamBeginCapture");
}
API int cudaStreamBeginCaptureToGraph(void *s) { return cudaStreamBeginCapture(s); }
API int cudaStreamEndCapture(void *s, void **graph) {
  capturing = 0;
  *graph = object();
  return double_count("cudaStreamEndCapture");
}
API int cudaGraphGetNodes(void *graph, void **nodes, size_t *n) { return *n = 1, OK; }
API int cudaGraphInstantiate(void **e) { return *e = object(), OK; }
API int cudaGraphInstantiateWithFlags(void **e) { return *e = object(), OK; }

/* ---- Memory ---- */

static long taken, limit = 80L << 30;
static struct {
  char *start;
  size_t size;
} blocks[1 << 16];
static int n_blocks;

API void double_memory(long bytes) { limit = bytes; }

static int on_device(const void *p) {
  for (int i = 0; i < n_blocks; i++)
    if ((char *)p >= blocks[i].start && (char *)p < blocks[i].start + blocks[i].size) return 1;
  return 0;
}
API int cudaMalloc(void **p, size_t n) {
  if (taken + (long)n > limit) return OUT_OF_MEMORY;
  *p = mmap(0, n ? n : 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (*p == MAP_FAILED) return OUT_OF_MEMORY;
  blocks[n_blocks].start = *p;
  blocks[n_blocks++].size = n;
  taken += n;
  return double_count("cudaMalloc");
}
API int cudaFree(void *p) {
  for (int i = 0; i < n_blocks; i++)
    if (blocks[i].start == p) {
      munmap(p, blocks[i].size);
      taken -= blocks[i].size;
      blocks[i] = blocks[--n_blocks];
      break;
    }
  return double_count("cudaFree");
}
API int cudaMemGetInfo(size_t *available, size_t *total) { return *available = limit - taken, *total = limit, OK; }
API int cudaHostAlloc(void **p, size_t n) {
  *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
  return double_count("cudaHostAlloc");
}
API int cudaMallocHost(void **p, size_t n) { return cudaHostAlloc(p, n); }
API int cudaFreeHost(void *p) { return free(p), OK; }
API int cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p) {
  memset(a, 0, sizeof *a);
  a->type = on_device(p) ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered;
  a->devicePointer = (void *)p;
  return OK;
}
static int copy(const char *call, void *to, const void *from, size_t n) {
  char name[64];
  snprintf(name, sizeof name, "%s %s to %s", call, on_device(from) ? "device" : "host", on_device(to) ? "device" : "host");
  memcpy(to, from, n);
  return double_count(name);
}
API int cudaMemcpyAsync(void *to, const void *from, size_t n, int kind, void *s) {
  on_stream(s);
  return copy("cudaMemcpyAsync", to, from, n);
}
API int cudaMemcpy(void *to, const void *from, size_t n, int kind) { return copy("cudaMemcpy", to, from, n); }
API int cudaMemset(void *p, int value, size_t n) { return memset(p, value, n), double_count("cudaMemset"); }
API int cudaMemsetAsync(void *p, int value, size_t n, void *s) {
  on_stream(s);
  return memset(p, value, n), double_count("cudaMemsetAsync");
}
API int cudaGetSymbolAddress(void **p, const void *symbol) {
  static char memory[65536];
  return *p = memory, OK;
}

/* ---- Kernels ---- */

#define N_KERNELS 400000
static struct {
  const void *function;
  const char *name;
} kernels[N_KERNELS];
static int n_kernels;
static __thread struct {
  Dim grid, block;
  size_t shared;
  void *stream;
} configuration;

static int launch(const void *function, void *stream) {
  int i = n_kernels - 1;
  while (i >= 0 && kernels[i].function != function) i--;
  char name[1024];
  snprintf(name, sizeof name, "kernel %s", i < 0 ? "without a name" : kernels[i].name);
  on_stream(stream);
  return double_count(name);
}
API void **__cudaRegisterFatBinary(void *binary) {
  static void *handle[4];
  return handle;
}
API void __cudaRegisterFatBinaryEnd(void **handle) {}
API void __cudaUnregisterFatBinary(void **handle) {}
API void __cudaRegisterVar(void) {}
API void __cudaRegisterFunction(void **handle, const char *function, char *device_function, const char *name) {
  if (n_kernels == N_KERNELS) abort();
  kernels[n_kernels].function = function;
  kernels[n_kernels++].name = name;
}
API unsigned __cudaPushCallConfiguration(Dim grid, Dim block, size_t shared, void *stream) {
  configuration.grid = grid;
  configuration.block = block;
  configuration.shared = shared;
  configuration.stream = stream;
  return OK;
}
API int __cudaPopCallConfiguration(Dim *grid, Dim *block, size_t *shared, void **stream) {
  *grid = configuration.grid;
  *block = configuration.block;
  *shared = configuration.shared;
  *stream = configuration.stream;
  return OK;
}
API int __cudaGetKernel(void **kernel, const void *function) { return *kernel = (void *)function, OK; }
API int __cudaLaunchKernel(void *f, Dim grid, Dim block, void **a, size_t shared, void *s) { return launch(f, s); }
API int cudaLaunchKernel(const void *f, Dim grid, Dim block, void **a, size_t shared, void *s) { return launch(f, s); }
API int cudaLaunchKernelExC(const struct cudaLaunchConfig_st *c, const void *f) { return launch(f, c->stream); }
API int cudaFuncGetAttributes(struct cudaFuncAttributes *a, const void *function) {
  memset(a, 0, sizeof *a);
  a->maxThreadsPerBlock = 1024;
  a->numRegs = 32;
  a->binaryVersion = a->ptxVersion = 10 * capability();
  a->maxDynamicSharedSizeBytes = 49152;
  return OK;
}
API int cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *n) { return *n = 4, OK; }
API int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n) { return *n = 4, OK; }

/* ---- cuBLAS ---- */

API int cublasCreate_v2(void **handle) { return *handle = object(), OK; }
API int cublasGetMathMode(void *handle, int *mode) { return *mode = 0, OK; }
API int cublasGetPointerMode_v2(void *handle, int *mode) { return *mode = 0, OK; }
API int cublasLtMatmulAlgoGetHeuristic(void *handle, void *operation, void *a, void *b, void *c, void *d,
                                       void *preference, int wanted, char *results, int *found) {
  memset(results, 0, 64);
  return *found = 1, OK;
}
API int cublasLtMatmul(void) { return double_count("kernel cublasLtMatmul"); }
API int cublasGemmEx(void) { return double_count("kernel cublasGemmEx"); }
API int cublasSgemm_v2(void) { return double_count("kernel cublasSgemm"); }

/* ---- The driver, for Triton ---- */

static int entry_point(void) { return OK; }

API int cudaGetDriverEntryPoint(const char *name, void **f, unsigned long long flags, int *status) {
  if (status) *status = 0;
  return *f = entry_point, OK;
}
API int cudaGetDriverEntryPointByVersion(const char *name, void **f, unsigned version, unsigned long long flags,
                                         int *status) {
  return cudaGetDriverEntryPoint(name, f, flags, status);
}
API int cuInit(unsigned flags) { return OK; }
API int cuDriverGetVersion(int *v) { return cudaDriverGetVersion(v); }
API int cuDeviceGet(int *device, int n) { return *device = n, OK; }
API int cuDeviceGetAttribute(int *value, int a, int device) { return cudaDeviceGetAttribute(value, a, device); }
API int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { return *flags = 0, *active = 1, OK; }
API int cuDevicePrimaryCtxRetain(void **context, int device) {
  static int the_context;
  return *context = &the_context, OK;
}
API int cuCtxGetCurrent(void **context) { return cuDevicePrimaryCtxRetain(context, 0); }
API int cuCtxSetCurrent(void *context) { return OK; }
API int cuGetErrorString(int e, const char **text) { return *text = cudaGetErrorString(e), OK; }
API int cuPointerGetAttribute(void *to, int a, unsigned long long p) { return *(unsigned long long *)to = p, OK; }
API int cuModuleLoadData(void **module, const void *image) { return *module = object(), OK; }
API int cuModuleUnload(void *module) { return OK; }
API int cuModuleGetFunction(void **f, void *module, const char *name) {
  char text[1024];
  snprintf(text, sizeof text, "kernel %s", name);
  return *f = strdup(text), OK;
}
API int cuFuncGetAttribute(int *value, int a, void *f) { return *value = a == 0 ? 1024 : a == 4 ? 32 : 0, OK; }
API int cuFuncSetAttribute(void) { return OK; }
API int cuFuncSetCacheConfig(void) { return OK; }
API int cuOccupancyMaxActiveClusters(int *n) { return *n = 1, OK; }
API int cuTensorMapEncodeTiled(void) { return OK; }
API int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                       unsigned shared, void *stream) {
  on_stream(stream);
  return double_count(f);
}
struct launch_config {
  unsigned grid[3], block[3], shared;
  void *stream;
};
API int cuLaunchKernelEx(const struct launch_config *c, void *f) {
  on_stream(c->stream);
  return double_count(f);
}
