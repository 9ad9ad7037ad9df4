/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * Kolinsky: neural networks on any OpenCL device. Include this one.
 *
 * Threads: a KolDevice may be used from any thread; a KolParameters with all the
 * graphs over it (a job) by one thread at a time.
 */

#include "dataset/batches.h"
#include "dataset/dataset.h"
#include "dataset/idx.h"
#include "dataset/npy.h"
#include "dataset/picture.h"
#include "dataset/png.h"
#include "dataset/preprocess.h"
#include "device/device.h"
#include "graph/check.h"
#include "graph/graph.h"
#include "model/catalogue.h"
#include "model/model.h"
#include "model/networks.h"
#include "model/onnx.h"
#include "model/onnx-write.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "nn/initializers.h"
#include "nn/lbfgs.h"
#include "nn/losses.h"
#include "nn/optimizers.h"
#include "nn/schedules.h"
#include "ops.h"
#include "studies/excite.h"
#include "studies/fast-style.h"
#include "studies/layers.h"
#include "studies/maximize.h"
#include "studies/study.h"
#include "studies/style.h"
#include "studies/style-note.h"
#include "train/evaluator.h"
#include "train/events.h"
#include "train/feed.h"
#include "train/find-rate.h"
#include "train/look.h"
#include "train/metrics.h"
#include "train/network.h"
#include "train/recipe.h"
#include "train/run.h"
#include "train/settings.h"
#include "train/timeline.h"
#include "train/trainer.h"
