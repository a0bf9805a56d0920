// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Version, namespace and feature macros. Every feature macro is 0 or 1 and is tested with #if.

#define CANDOR_VERSION_MAJOR 0
#define CANDOR_VERSION_MINOR 1
#define CANDOR_VERSION_PATCH 0
#define CANDOR_VERSION "0.1.0"

/// `namespace CANDOR_NS { ... }` opens candor with its versioned inline namespace.
#define CANDOR_NS candor::inline v0_1

/// 1 where the target candor::compiled supplies the bodies of `*_impl.hpp`; the headers then only declare them.
#ifndef CANDOR_COMPILED
#define CANDOR_COMPILED 0
#endif
#define CANDOR_DEFINES (!CANDOR_COMPILED)
/// Marks the bodies in `*_impl.hpp`. The units of candor::compiled include those they define themselves, and emit them
/// though nothing there calls them.
#ifdef CANDOR_BUILDING
#define CANDOR_INLINE [[gnu::used]] inline
#else
#define CANDOR_INLINE inline
#endif

#ifndef CANDOR_HAS_ONEDNN
#define CANDOR_HAS_ONEDNN 0
#endif
#ifndef CANDOR_HAS_TURBOJPEG
#define CANDOR_HAS_TURBOJPEG 0
#endif
#ifndef CANDOR_HAS_PNG
#define CANDOR_HAS_PNG 0
#endif

#if defined(__CUDACC__)
#define CANDOR_HD __host__ __device__
#else
#define CANDOR_HD
#endif

/// For functions inside of loops that must vectorise: in large units g++ stops inlining on its own.
#define CANDOR_ALWAYS_INLINE __attribute__((always_inline)) inline

#define CANDOR_RESTRICT __restrict__
